using System.Text.Json;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Surfaces;

/// <summary>The protocol a client speaks to us: how its requests are read and how refusals are worded in it.</summary>
internal interface ISurface
{
    /// <summary>Its name in events.</summary>
    string Name { get; }

    /// <summary>Reads and checks a request; refuses what is not one.</summary>
    Task<Call> ReadAsync(HttpRequest request, CallKind kind, long maxBodyBytes, CancellationToken cancellationToken);

    /// <summary>The event that tells a client that its stream has broken off, which its SDK throws.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="requestId">The gateway's name for the request.</param>
    /// <param name="sequence">How many events came before it.</param>
    byte[] BrokenStream(string message, string requestId, long sequence);

    /// <summary>The answer to a request that asks for its number of tokens.</summary>
    void WriteTokenCount(long tokens, Utf8JsonWriter json);

    Task WriteRefusalAsync(HttpContext http, Refusal refusal, int budgetStatus);
}
