using System.Text.Json;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>What a model was asked, in no protocol: all that a script needs to play its part.</summary>
internal sealed class ModelRequest
{
    public required string Model { get; init; }

    public bool Streaming { get; set; }

    /// <summary>Whether a stream is to tell the usage; only OpenAI's chat has to be asked.</summary>
    public bool WantsUsage { get; set; } = true;

    /// <summary>Whether it is to think before it answers.</summary>
    public bool Thinks { get; set; }

    /// <summary>Whether what it thinks is to be read; the provider signs it either way.</summary>
    public bool ShowsThoughts { get; set; }

    public List<string> System { get; } = [];

    /// <summary>Every text of the user's, in order.</summary>
    public List<string> Texts { get; } = [];

    public List<ModelTool> Tools { get; } = [];

    /// <summary>What it called in earlier turns.</summary>
    public List<ModelToolCall> Calls { get; } = [];

    public List<ModelToolResult> Results { get; } = [];

    public List<ModelImage> Images { get; } = [];

    /// <summary>The signatures that came back; each has been verified.</summary>
    public List<string> Signatures { get; } = [];

    /// <summary>Of the JSON it is to answer; null for text.</summary>
    public JsonElement? Schema { get; set; }

    public bool WantsJson => Schema is not null;
}

internal sealed record ModelTool(string Name, JsonElement? Schema);

internal sealed record ModelToolResult(string CallId, string Text);

internal sealed record ModelImage(string MediaType, int Bytes);

/// <summary>The API refuses a request, as the real one does.</summary>
internal sealed class ModelRefusalException(int status, string message) : Exception(message)
{
    public int Status => status;
}
