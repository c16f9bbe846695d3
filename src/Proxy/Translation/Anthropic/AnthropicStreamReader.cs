using System.Runtime.InteropServices;
using System.Text.Json;
using CCGate.Proxy.Usage;
using static CCGate.Proxy.Translation.Anthropic.AnthropicRequest;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Reads a stream of the Messages API.</summary>
/// <remarks>
/// <code>
/// message_start                                        the message without content, what was read
///   content_block_start  {"index","content_block"}     one block after another
///   content_block_delta  {"index","delta"}             text_delta, input_json_delta, thinking_delta, signature_delta, citations_delta
///   content_block_stop   {"index"}
/// message_delta          {"delta":{"stop_reason"},"usage"}   usage is cumulative; null says nothing
/// message_stop
/// ping, error            anywhere
/// </code>
/// </remarks>
internal sealed class AnthropicStreamReader : IAnswerReader
{
    private const int MaxUsageBytes = 64 * 1024;
    private static readonly JsonDocumentOptions Syntax = new() { MaxDepth = 1024 };

    private Block block;
    private string? signature;
    private string? input;
    private bool hasContent;
    private bool began;
    private bool ended;
    private JsonElement? usage;
    private string? stopReason;
    private string? stopSequence;

    /// <summary>What the block at hand is.</summary>
    private enum Block
    {
        None,
        Text,
        Thinking,
        ToolCall,

        /// <summary>What no other protocol has: the provider's own tools.</summary>
        Ignored,
    }

    public void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data, List<AnswerEvent> events)
    {
        if (ended)
        {
            return;
        }

        try
        {
            var json = JsonElement.Parse(data, Syntax);
            if (json.ValueKind == JsonValueKind.Object)
            {
                Read(json, events);
            }
        }
        catch (Exception error) when (AnthropicAnswer.IsUnreadable(error))
        {
            throw new UnreadableAnswerException(error.Message);
        }
    }

    public void End(List<AnswerEvent> events)
    {
        // The last word is message_stop: a stream without it was cut off.
    }

    private void Read(JsonElement json, List<AnswerEvent> events)
    {
        switch (Text(json, "type"))
        {
            case "message_start" when UsageJson.Child(json, "message") is { } message:
                Begin(Text(message, "id") ?? "", Text(message, "model") ?? "", events);
                TellUsage(message, events);
                break;
            case "content_block_start" when UsageJson.Child(json, "content_block") is { } content:
                Begin("", "", events);
                StopBlock(events);
                StartBlock(content, events);
                break;
            case "content_block_delta" when UsageJson.Child(json, "delta") is { } delta:
                Begin("", "", events);
                ReadDelta(delta, events);
                break;
            case "content_block_stop":
                StopBlock(events);
                break;
            case "message_delta":
                Begin("", "", events);
                ReadMessageDelta(json, events);
                break;
            case "message_stop":
                Begin("", "", events);
                StopBlock(events);
                events.Add(new AnswerEnded(AnthropicAnswer.ReadStop(stopReason), stopSequence));
                ended = true;
                break;
            case "error":
                events.Add(new AnswerFailed(AnthropicError.Read(null, json)));
                ended = true;
                break;
        }
    }

    private void Begin(string id, string model, List<AnswerEvent> events)
    {
        if (!began)
        {
            began = true;
            events.Add(new AnswerBegan(id, model));
        }
    }

    private void StartBlock(JsonElement content, List<AnswerEvent> events)
    {
        switch (Text(content, "type"))
        {
            case "text":
                block = Block.Text;
                AddText(Text(content, "text"), events);
                break;
            case "thinking":
                block = Block.Thinking;
                AddThinking(Text(content, "thinking"), events);
                signature = Text(content, "signature");
                break;
            case "redacted_thinking":
                block = Block.Ignored;
                events.Add(new ThinkingSigned(Signatures.Mark(AnthropicBlocks.Maker, Text(content, "data") ?? ""), IsRedacted: true));
                break;
            case "tool_use":
                block = Block.ToolCall;
                events.Add(new ToolCallBegan(Text(content, "id") ?? "", Text(content, "name") ?? ""));
                input = UsageJson.Child(content, "input")?.GetRawText();
                break;
            default:
                block = Block.Ignored;
                break;
        }
    }

    private void ReadDelta(JsonElement delta, List<AnswerEvent> events)
    {
        switch (Text(delta, "type"))
        {
            case "text_delta" when block is Block.Text or Block.None:
                block = Block.Text;
                AddText(Text(delta, "text"), events);
                break;
            case "thinking_delta" when block is Block.Thinking or Block.None:
                block = Block.Thinking;
                AddThinking(Text(delta, "thinking"), events);
                break;
            case "signature_delta" when block == Block.Thinking:
                signature = Text(delta, "signature");
                break;
            case "input_json_delta" when block == Block.ToolCall && Text(delta, "partial_json") is { Length: > 0 } arguments:
                hasContent = true;
                events.Add(new ToolCallDelta(arguments));
                break;
            case "citations_delta" when block == Block.Text && delta.TryGetProperty("citation", out var citation) && AnthropicBlocks.ReadCitation(citation) is { } found:
                events.Add(new CitationAdded(found));
                break;
        }
    }

    private void AddText(string? text, List<AnswerEvent> events)
    {
        if (text is { Length: > 0 })
        {
            hasContent = true;
            events.Add(new TextDelta(text));
        }
    }

    private void AddThinking(string? text, List<AnswerEvent> events)
    {
        if (text is { Length: > 0 })
        {
            hasContent = true;
            events.Add(new ThinkingDelta(text));
        }
    }

    private void StopBlock(List<AnswerEvent> events)
    {
        switch (block)
        {
            case Block.Thinking when signature is { Length: > 0 }:
                events.Add(new ThinkingSigned(Signatures.Mark(AnthropicBlocks.Maker, signature), IsRedacted: false));
                break;
            case Block.ToolCall:
                if (!hasContent)
                {
                    // Relays send the whole input with the start; without any, an empty object is what is meant.
                    events.Add(new ToolCallDelta(input ?? "{}"));
                }

                events.Add(PartEnded.Instance);
                break;
            case Block.Text or Block.Thinking when hasContent:
                events.Add(PartEnded.Instance);
                break;
        }

        (block, signature, input, hasContent) = (Block.None, null, null, false);
    }

    private void ReadMessageDelta(JsonElement json, List<AnswerEvent> events)
    {
        StopBlock(events);
        if (UsageJson.Child(json, "delta") is { } delta)
        {
            stopReason = Text(delta, "stop_reason") ?? stopReason;
            stopSequence = Text(delta, "stop_sequence") ?? stopSequence;
        }

        TellUsage(json, events);
    }

    private void TellUsage(JsonElement holder, List<AnswerEvent> events)
    {
        if (UsageJson.Child(holder, "usage") is not { } told)
        {
            return;
        }

        usage = UsageJson.Merge(usage, UsageJson.Parse(JsonMarshal.GetRawUtf8Value(told)));
        if (JsonMarshal.GetRawUtf8Value(usage.Value).Length > MaxUsageBytes)
        {
            throw new UnreadableAnswerException("The upstream's usage is too long.");
        }

        events.Add(new UsageTold(AnthropicAnswer.ReadUsage(usage.Value)));
    }
}
