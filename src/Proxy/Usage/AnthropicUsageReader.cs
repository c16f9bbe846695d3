using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>Collects what an answer of the Messages API, streamed or not, says about its usage.</summary>
internal sealed class AnthropicUsageReader : IUsageReader
{
    private JsonElement? usage;
    private bool isFinal;
    private long generatedBytes;

    public string? Model { get; private set; }

    public bool HasOutput => generatedBytes > 0;

    public bool Ended { get; private set; }

    public bool IsComplete => Ended;

    public bool IsOver => Ended;

    public string? StreamError { get; private set; }

    /// <remarks>Only the few events that speak of usage are parsed.</remarks>
    public void TakeEvent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data)
    {
        var type = name.IsEmpty ? TypeOf(data) : name;
        if (type.SequenceEqual("content_block_delta"u8))
        {
            TakeDelta(data);
        }
        else if (type.SequenceEqual("message_start"u8))
        {
            TakeMessageStart(data);
        }
        else if (type.SequenceEqual("message_delta"u8))
        {
            TakeMessageDelta(data);
        }
        else if (type.SequenceEqual("message_stop"u8))
        {
            Ended = true;
        }
        else if (type.SequenceEqual("error"u8))
        {
            TakeError(data);
        }
    }

    public void TakeBody(ReadOnlySpan<byte> body)
    {
        var message = AnthropicMessage.Read(body, isWhole: false);
        Model = message.Model;
        Ended = message.IsComplete;
        StreamError = message.Type == "error" ? AnthropicMessage.ReadMember(body, "error"u8)?.Type ?? "error" : null;
        usage = message.Usage;
        isFinal = usage is { } said && AnthropicUsage.HasOutput(said);
    }

    public bool? IsError(ReadOnlySpan<byte> beginning) => ErrorBody.Is(beginning, isTyped: true);

    public (TokenUsage Usage, UsageState State) Conclude()
    {
        var estimate = GeneratedText.Tokens(generatedBytes);
        if (usage is not { } said)
        {
            // An error in place of an answer is not billed; content without any usage is, but nobody says how much.
            var state = StreamError is not null && !HasOutput ? UsageState.KnownZero : UsageState.Unknown;
            return (new TokenUsage { OutputTokens = estimate }, state);
        }

        var reported = AnthropicUsage.Read(said);
        return isFinal
            ? (reported, UsageState.Known)
            : (reported with { OutputTokens = Math.Max(reported.OutputTokens, estimate) }, UsageState.Estimated);
    }

    private void TakeDelta(ReadOnlySpan<byte> data)
    {
        var bytes = AnthropicDelta.GeneratedBytes(data);
        if (bytes > 0)
        {
            generatedBytes += bytes;
            // Usage that was reported before this was not the last word.
            isFinal = false;
        }
    }

    private void TakeMessageStart(ReadOnlySpan<byte> data)
    {
        if (AnthropicMessage.ReadMember(data, "message"u8) is not { } message)
        {
            return;
        }

        Model = message.Model ?? Model;
        Merge(message.Usage);
    }

    private void TakeMessageDelta(ReadOnlySpan<byte> data)
    {
        var delta = AnthropicMessage.Read(data, isWhole: true);
        Merge(delta.Usage);
        isFinal |= delta.Usage is { } said && AnthropicUsage.HasOutput(said);
    }

    private void TakeError(ReadOnlySpan<byte> data) =>
        StreamError = AnthropicMessage.ReadMember(data, "error"u8)?.Type ?? "error";

    private void Merge(JsonElement? later)
    {
        if (later is { } said)
        {
            usage = UsageJson.Merge(usage, said);
        }
    }

    private static ReadOnlySpan<byte> TypeOf(ReadOnlySpan<byte> data)
    {
        // Some relays drop the event line. Deltas are most events, and theirs begin like this.
        if (data.StartsWith("{\"type\":\"content_block_delta\""u8))
        {
            return "content_block_delta"u8;
        }

        return AnthropicMessage.Read(data, isWhole: true).Type switch
        {
            "content_block_delta" => "content_block_delta"u8,
            "message_start" => "message_start"u8,
            "message_delta" => "message_delta"u8,
            "message_stop" => "message_stop"u8,
            "error" => "error"u8,
            _ => [],
        };
    }
}
