using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>How a provider's API reads and writes: as strictly as the real one, so that a request it takes would be taken there.</summary>
internal interface IModelProtocol
{
    /// <summary>The <c>kind</c> of the upstream.</summary>
    string Kind { get; }

    /// <summary>A model of this provider that thinks, calls tools and sees.</summary>
    string Model { get; }

    /// <summary>The key that came, wherever this API takes it from.</summary>
    string? KeyIn(HttpRequest http);

    /// <summary>The answer to what is asked beside conversations, such as a count of tokens; null when this is a conversation.</summary>
    JsonObject? Aside(HttpRequest http);

    /// <exception cref="ModelRefusalException">The real API would refuse it too.</exception>
    ModelRequest Read(HttpRequest http, RequestNode body);

    JsonObject Write(ModelAnswer answer, ModelRequest request);

    /// <summary>The stream, frame by frame.</summary>
    IEnumerable<string> Frames(ModelAnswer answer, ModelRequest request);

    JsonObject Error(int status, string message);

    /// <summary>How a stream says that the model failed.</summary>
    string ErrorFrame(string message);
}
