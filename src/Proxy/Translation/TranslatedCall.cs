using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CCGate.Proxy.Translation;

/// <summary>One attempt between two protocols: what is sent to the upstream, and how its answer is told to the client.</summary>
/// <param name="Client">What the client speaks.</param>
/// <param name="Upstream">What the upstream speaks.</param>
/// <param name="Conversation">What was asked.</param>
/// <param name="Body">The request, as the upstream gets it.</param>
/// <param name="Dropped">What it leaves out.</param>
internal sealed record TranslatedCall(IProtocol Client, IProtocol Upstream, Conversation Conversation, ReadOnlyMemory<byte> Body, ImmutableArray<string> Dropped)
{
    private static readonly JsonWriterOptions Syntax = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = 1000 };

    public bool IsEventStream => ContentType == "text/event-stream";

    public string ContentType => field ??= Conversation.Streaming ? Client.StartWriting(Conversation).ContentType : "application/json";

    /// <summary>An answer that is no error, as it is read.</summary>
    public Stream Over(Stream upstream, string? mediaType) =>
        Conversation.Streaming && string.Equals(mediaType, "text/event-stream", StringComparison.OrdinalIgnoreCase) ? new TranslatedStream(upstream, this) : new TranslatedBody(upstream, this);

    /// <summary>A whole answer, as the client is to have it.</summary>
    /// <exception cref="UnreadableAnswerException">It is not one.</exception>
    public ReadOnlyMemory<byte> Answer(ReadOnlyMemory<byte> body)
    {
        var answer = Upstream.ReadAnswer(Parse(body));
        for (var i = 0; i < answer.Parts.Count; i++)
        {
            if (answer.Parts[i] is ToolCallPart call)
            {
                var name = ToolNames.Restore(Conversation.Tools, call.Name);
                answer.Parts[i] = call with { Name = name, Arguments = Conversation.IsFreeForm(name) ? FreeForm.Unwrap(call.Arguments) : call.Arguments };
            }
        }

        return Conversation.Streaming ? Stream(answer) : Write(json => Client.WriteAnswer(answer, Conversation, json));
    }

    /// <summary>An error, as the client is to have it, and its status.</summary>
    public (int Status, ReadOnlyMemory<byte> Body) Error(int status, ReadOnlyMemory<byte> body, string requestId)
    {
        var fault = Upstream.ReadError(status, body);
        var told = status;
        var written = Write(json => told = Client.WriteError(fault, requestId, json));
        return (told, written);
    }

    /// <summary>For a client that streams, from an upstream that does not.</summary>
    private ReadOnlyMemory<byte> Stream(Answer answer)
    {
        var frames = new ArrayBufferWriter<byte>(4 * 1024);
        var writer = Client.StartWriting(Conversation);
        foreach (var next in answer.ToEvents())
        {
            writer.Write(next, frames);
        }

        return frames.WrittenMemory;
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Reading);
            return document.RootElement.Clone();
        }
        catch (JsonException broken)
        {
            throw new UnreadableAnswerException($"not JSON: {broken.Message}");
        }
    }

    /// <summary>A document of either protocol.</summary>
    public static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body, Syntax))
        {
            write(json);
        }

        return body.WrittenMemory;
    }
}
