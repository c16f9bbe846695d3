using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Simulator;

/// <summary>What the simulator says to one request.</summary>
internal sealed record SimulatorAnswer(string Id, string Model, string Text, string StopReason, TokenUsage Usage);

/// <summary>The bytes of a streamed answer: what only this request has, around the deltas that all share.</summary>
internal sealed record SimulatorFrames(ReadOnlyMemory<byte> Head, byte[][] Deltas, ReadOnlyMemory<byte> Tail);

/// <summary>Words the simulator's answers in the JSON of the Messages API.</summary>
internal sealed class SimulatorScript
{
    // As the provider writes it: text outside of ASCII goes out as UTF-8, so that a gateway that cuts characters is found out.
    private static readonly JsonWriterOptions Utf8 = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SimulatorConfig config;
    private readonly byte[][] deltas;

    public SimulatorScript(SimulatorConfig config)
    {
        this.config = config;
        deltas = DeltasOf(config.Text);
    }

    public SimulatorAnswer Answer(string model, SimulatorRequest asked, string id)
    {
        var tokens = TokensOf(config.Text);
        var usage = config.Usage ?? new TokenUsage { InputTokens = asked.InputTokens, OutputTokens = tokens, ServiceTier = "standard" };
        if (asked.MaxTokens is not { } most || (usage.OutputTokens <= most && tokens <= most))
        {
            return new SimulatorAnswer(id, model, config.Text, "end_turn", usage);
        }

        var text = tokens <= most ? config.Text : config.Text[..BoundaryAt(config.Text, (int)Math.Max(0, most) * 4)];
        return new SimulatorAnswer(id, model, text, "max_tokens", usage with { OutputTokens = Math.Min(usage.OutputTokens, Math.Max(0, most)) });
    }

    public static byte[] Body(SimulatorAnswer answer)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var writer = new Utf8JsonWriter(buffer, Utf8);
        WriteMessage(writer, answer, answer.Text, answer.StopReason, answer.Usage.OutputTokens);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    public SimulatorFrames Frames(SimulatorAnswer answer)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using var writer = new Utf8JsonWriter(buffer, Utf8);
        WriteFrame(buffer, writer, "message_start", () =>
        {
            writer.WritePropertyName("message");
            WriteMessage(writer, answer, text: null, stopReason: null, Math.Min(1, answer.Usage.OutputTokens));
        });
        buffer.Write("""
            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

            event: ping
            data: {"type":"ping"}


            """u8);
        var head = buffer.WrittenCount;
        buffer.Write("""
            event: content_block_stop
            data: {"type":"content_block_stop","index":0}


            """u8);
        WriteFrame(buffer, writer, "message_delta", () =>
        {
            writer.WriteStartObject("delta");
            writer.WriteString("stop_reason", answer.StopReason);
            writer.WriteNull("stop_sequence");
            writer.WriteEndObject();
            WriteUsage(writer, answer.Usage, answer.Usage.OutputTokens, isFinal: true);
        });
        buffer.Write("""
            event: message_stop
            data: {"type":"message_stop"}


            """u8);
        var whole = buffer.WrittenMemory;
        return new SimulatorFrames(whole[..head], ReferenceEquals(answer.Text, config.Text) ? deltas : DeltasOf(answer.Text), whole[head..]);
    }

    private byte[][] DeltasOf(string text)
    {
        var count = Math.Min(Math.Max(1, config.Chunks), text.Length);
        var frames = new List<byte[]>(count);
        var from = 0;
        for (var i = 1; i <= count; i++)
        {
            var to = i == count ? text.Length : BoundaryAt(text, (int)((long)text.Length * i / count));
            if (to > from)
            {
                frames.Add(DeltaOf(text[from..to]));
                from = to;
            }
        }

        return [.. frames];
    }

    private static byte[] DeltaOf(string text)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(buffer, Utf8);
        WriteFrame(buffer, writer, "content_block_delta", () =>
        {
            writer.WriteNumber("index", 0);
            writer.WriteStartObject("delta");
            writer.WriteString("type", "text_delta");
            writer.WriteString("text", text);
            writer.WriteEndObject();
        });
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>At or before an index, but never between the halves of a character.</summary>
    private static int BoundaryAt(string text, int index) =>
        index >= text.Length ? text.Length : index > 0 && char.IsLowSurrogate(text[index]) ? index - 1 : index;

    private static long TokensOf(string text) => text.Length == 0 ? 0 : Math.Max(1, text.Length / 4);

    private static void WriteFrame(ArrayBufferWriter<byte> buffer, Utf8JsonWriter writer, string type, Action writeMembers)
    {
        buffer.Write(Encoding.UTF8.GetBytes($"event: {type}\ndata: "));
        writer.Reset();
        writer.WriteStartObject();
        writer.WriteString("type", type);
        writeMembers();
        writer.WriteEndObject();
        writer.Flush();
        buffer.Write("\n\n"u8);
    }

    private static void WriteMessage(Utf8JsonWriter writer, SimulatorAnswer answer, string? text, string? stopReason, long outputTokens)
    {
        writer.WriteStartObject();
        writer.WriteString("id", answer.Id);
        writer.WriteString("type", "message");
        writer.WriteString("role", "assistant");
        writer.WriteString("model", answer.Model);
        writer.WriteStartArray("content");
        if (text is not null)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "text");
            writer.WriteString("text", text);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteString("stop_reason", stopReason);
        writer.WriteNull("stop_sequence");
        WriteUsage(writer, answer.Usage, outputTokens, isFinal: text is not null);
        writer.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter writer, TokenUsage usage, long outputTokens, bool isFinal)
    {
        writer.WriteStartObject("usage");
        writer.WriteNumber("input_tokens", usage.InputTokens);
        writer.WriteNumber("cache_creation_input_tokens", usage.CacheWrite5mTokens + usage.CacheWrite1hTokens);
        writer.WriteNumber("cache_read_input_tokens", usage.CacheReadTokens);
        writer.WriteStartObject("cache_creation");
        writer.WriteNumber("ephemeral_5m_input_tokens", usage.CacheWrite5mTokens);
        writer.WriteNumber("ephemeral_1h_input_tokens", usage.CacheWrite1hTokens);
        writer.WriteEndObject();
        writer.WriteNumber("output_tokens", outputTokens);
        WriteText(writer, "service_tier", usage.ServiceTier);
        WriteText(writer, "inference_geo", usage.InferenceGeo);
        WriteText(writer, "speed", usage.Speed);
        if (isFinal)
        {
            WriteCount(writer, "server_tool_use", "web_search_requests", usage.WebSearches);
            WriteCount(writer, "output_tokens_details", "thinking_tokens", Math.Min(usage.ReasoningTokens, outputTokens));
        }

        writer.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    private static void WriteCount(Utf8JsonWriter writer, string name, string member, long count)
    {
        if (count > 0)
        {
            writer.WriteStartObject(name);
            writer.WriteNumber(member, count);
            writer.WriteEndObject();
        }
    }
}
