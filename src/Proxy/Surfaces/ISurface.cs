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

    Task WriteRefusalAsync(HttpContext http, Refusal refusal, int budgetStatus);
}
