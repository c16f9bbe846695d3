using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using CCGate.Contracts;
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

/// <summary>Writes a stream of the Messages API; its frames are drawn at <see cref="AnthropicStreamReader"/>.</summary>
internal sealed class AnthropicStreamWriter(Conversation conversation) : IAnswerWriter
{
    // What is not ASCII stays as it is: escaped, it would be twice as long.
    private static readonly JsonWriterOptions Format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly bool showsThoughts = conversation.Reasoning?.Shown != false;
    private Block open;
    private int index = -1;
    private TokenUsage usage = new();
    private string? stopSequence;
    private StopReason stop;

    /// <summary>The block that was started and not yet stopped.</summary>
    private enum Block
    {
        None,
        Text,
        Thinking,
        ToolCall,
    }

    public string ContentType => "text/event-stream";

    public void Write(AnswerEvent next, IBufferWriter<byte> output)
    {
        switch (next)
        {
            case AnswerBegan began:
                WriteFrame("message_start"u8, output, json => WriteStart(began, json));
                break;
            case TextDelta { Text: { Length: > 0 } text }:
                WriteText(text, output);
                break;
            case RefusalDelta { Text: { Length: > 0 } text }:
                WriteText(text, output);
                break;
            case ThinkingDelta { Text: { Length: > 0 } text } when showsThoughts:
                Open(Block.Thinking, output, WriteEmptyThinking);
                WriteDelta("thinking_delta"u8, "thinking"u8, text, output);
                break;
            case ThinkingSigned signed:
                WriteSignature(signed, output);
                break;
            case ToolCallBegan call:
                WriteCall(call, output);
                break;
            case ToolCallDelta { Arguments: { Length: > 0 } arguments } when open == Block.ToolCall:
                WriteDelta("input_json_delta"u8, "partial_json"u8, arguments, output);
                break;
            case CitationAdded added when open == Block.Text:
                WriteCitation(added.Citation, output);
                break;
            default:
                WriteEnding(next, output);
                break;
        }
    }

    private void WriteEnding(AnswerEvent next, IBufferWriter<byte> output)
    {
        switch (next)
        {
            case PartEnded:
                Close(output);
                break;
            case UsageTold told:
                usage = told.Usage;
                break;
            case AnswerEnded ended:
                Close(output);
                (stop, stopSequence) = (ended.Stop, ended.StopSequence);
                WriteFrame("message_delta"u8, output, WriteMessageDelta);
                WriteFrame("message_stop"u8, output, static json => { });
                break;
            case AnswerFailed failed:
                output.Write("event: error\ndata: "u8);
                using (var json = new Utf8JsonWriter(output, Format))
                {
                    AnthropicError.Write(failed.Fault, null, json);
                }

                output.Write("\n\n"u8);
                break;
        }
    }

    private void WriteStart(AnswerBegan began, Utf8JsonWriter json)
    {
        json.WriteStartObject("message"u8);
        AnthropicAnswer.WriteHead(began.Id, began.Model, json);
        json.WriteStartArray("content"u8);
        json.WriteEndArray();
        json.WriteNull("stop_reason"u8);
        json.WriteNull("stop_sequence"u8);
        json.WritePropertyName("usage"u8);
        AnthropicAnswer.WriteUsage(usage, json);
        json.WriteEndObject();
    }

    private void WriteMessageDelta(Utf8JsonWriter json)
    {
        json.WriteStartObject("delta"u8);
        AnthropicAnswer.WriteStop(stop, stopSequence, json);
        json.WriteEndObject();
        json.WritePropertyName("usage"u8);
        AnthropicAnswer.WriteUsage(usage, json);
    }

    private void WriteText(string text, IBufferWriter<byte> output)
    {
        Open(Block.Text, output, static json =>
        {
            json.WriteString("type"u8, "text"u8);
            json.WriteString("text"u8, ""u8);
        });
        WriteDelta("text_delta"u8, "text"u8, text, output);
    }

    private void WriteSignature(ThinkingSigned signed, IBufferWriter<byte> output)
    {
        var signature = Signatures.ForClient(AnthropicBlocks.Maker, signed.Signature);
        if (signed.IsRedacted)
        {
            WriteRedacted(signature, output);
            return;
        }

        Open(Block.Thinking, output, WriteEmptyThinking);
        WriteDelta("signature_delta"u8, "signature"u8, signature, output);
        Stop(output);
    }

    private void WriteRedacted(string data, IBufferWriter<byte> output)
    {
        Close(output);
        Start(output, json =>
        {
            json.WriteString("type"u8, "redacted_thinking"u8);
            json.WriteString("data"u8, data);
        });
        Stop(output);
    }

    private void WriteCall(ToolCallBegan call, IBufferWriter<byte> output)
    {
        Close(output);
        if (call.Signature is not null)
        {
            WriteRedacted(AnthropicAnswer.SignatureOfCall(call.Signature), output);
        }

        Open(Block.ToolCall, output, json =>
        {
            json.WriteString("type"u8, "tool_use"u8);
            json.WriteString("id"u8, call.Id);
            json.WriteString("name"u8, call.Name);
            json.WriteStartObject("input"u8);
            json.WriteEndObject();
        });
    }

    private static void WriteEmptyThinking(Utf8JsonWriter json)
    {
        json.WriteString("type"u8, "thinking"u8);
        json.WriteString("thinking"u8, ""u8);
        json.WriteString("signature"u8, ""u8);
    }

    private void WriteCitation(Citation citation, IBufferWriter<byte> output) => WriteFrame("content_block_delta"u8, output, json =>
    {
        json.WriteNumber("index"u8, index);
        json.WriteStartObject("delta"u8);
        json.WriteString("type"u8, "citations_delta"u8);
        json.WritePropertyName("citation"u8);
        AnthropicAnswer.WriteCitation(citation, json);
        json.WriteEndObject();
    });

    private void Open(Block wanted, IBufferWriter<byte> output, Action<Utf8JsonWriter> content)
    {
        if (open == wanted)
        {
            return;
        }

        Close(output);
        Start(output, content);
        open = wanted;
    }

    private void Start(IBufferWriter<byte> output, Action<Utf8JsonWriter> content)
    {
        index++;
        WriteFrame("content_block_start"u8, output, json =>
        {
            json.WriteNumber("index"u8, index);
            json.WriteStartObject("content_block"u8);
            content(json);
            json.WriteEndObject();
        });
    }

    private void Close(IBufferWriter<byte> output)
    {
        if (open == Block.Thinking)
        {
            WriteDelta("signature_delta"u8, "signature"u8, AnthropicBlocks.Unsigned, output);
        }

        if (open != Block.None)
        {
            Stop(output);
        }
    }

    private void Stop(IBufferWriter<byte> output)
    {
        open = Block.None;
        WriteFrame("content_block_stop"u8, output, json => json.WriteNumber("index"u8, index));
    }

    // Called for every delta: without a closure.
    private void WriteDelta(ReadOnlySpan<byte> type, ReadOnlySpan<byte> member, string text, IBufferWriter<byte> output)
    {
        output.Write("event: content_block_delta\ndata: "u8);
        using (var json = new Utf8JsonWriter(output, Format))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "content_block_delta"u8);
            json.WriteNumber("index"u8, index);
            json.WriteStartObject("delta"u8);
            json.WriteString("type"u8, type);
            json.WriteString(member, text);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }

    private static void WriteFrame(ReadOnlySpan<byte> name, IBufferWriter<byte> output, Action<Utf8JsonWriter> members)
    {
        output.Write("event: "u8);
        output.Write(name);
        output.Write("\ndata: "u8);
        using (var json = new Utf8JsonWriter(output, Format))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, name);
            members(json);
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }
}
