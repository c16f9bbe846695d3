using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Translation.Anthropic;

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
