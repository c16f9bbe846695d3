using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Logging;

/// <summary>One log entry as one line, whatever is in it: text that clients chose cannot begin another one.</summary>
internal static class LogLine
{
    private const int MaxMessage = 16 * 1024;
    private const int MaxValue = 4 * 1024;
    private const int MaxException = 32 * 1024;

    // Read by people and by machines, never put into a page: quotes of JSON are escaped, the rest of Unicode is not.
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? buffer;

    [ThreadStatic]
    private static Utf8JsonWriter? writer;

    /// <summary>Such as <c>2026-01-31T12:00:00.000Z info CCGate.Access: …</c>.</summary>
    public static void WritePlain(StringBuilder line, DateTimeOffset now, LogLevel level, string category, string message, Exception? exception)
    {
        line.Append(CultureInfo.InvariantCulture, $"{now.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffZ} {Short(level)} {category}: ");
        AppendOneLine(line, message, MaxMessage);
        if (Activity.Current is { } activity)
        {
            line.Append(" trace=").Append(activity.TraceId.ToHexString());
        }

        if (exception is not null)
        {
            line.Append(" | ");
            AppendOneLine(line, exception.ToString(), MaxException);
        }
    }

    /// <summary>A JSON object without the line's end. Valid until the next one on this thread.</summary>
    public static ReadOnlySpan<byte> Format<TState>(DateTimeOffset now, LogLevel level, string category, string message, TState state, Exception? exception)
    {
        buffer ??= new ArrayBufferWriter<byte>(1024);
        buffer.ResetWrittenCount();
        writer ??= new Utf8JsonWriter(buffer, Json);
        writer.Reset(buffer);
        writer.WriteStartObject();
        writer.WriteString("timestamp"u8, now.UtcDateTime);
        writer.WriteString("level"u8, Name(level));
        writer.WriteString("category"u8, category);
        writer.WriteString("message"u8, Bounded(message, MaxMessage));
        if (Activity.Current is { } activity)
        {
            writer.WriteString("traceId"u8, activity.TraceId.ToHexString());
            writer.WriteString("spanId"u8, activity.SpanId.ToHexString());
        }

        WriteProperties(writer, state);
        if (exception is not null)
        {
            writer.WriteString("exception"u8, Bounded(exception.ToString(), MaxException));
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan;
    }

    /// <summary>What ends a line or moves a terminal's cursor is written as its number; the line breaks of exceptions as spaces.</summary>
    public static void AppendOneLine(StringBuilder line, string text, int maxLength)
    {
        var rest = Bounded(text, maxLength);
        for (var harmful = IndexOfHarmful(rest); harmful >= 0; harmful = IndexOfHarmful(rest))
        {
            line.Append(rest[..harmful]);
            if (rest[harmful] is '\n' or '\r')
            {
                line.Append(' ');
            }
            else
            {
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)rest[harmful]:x4}");
            }

            rest = rest[(harmful + 1)..];
        }

        line.Append(rest);
    }

    public static bool IsHarmful(char letter) => char.IsControl(letter) || letter is '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    private static int IndexOfHarmful(ReadOnlySpan<char> text)
    {
        var start = text.IndexOfAnyExceptInRange(' ', '~');
        if (start < 0)
        {
            return -1;
        }

        for (var index = start; index < text.Length; index++)
        {
            if (IsHarmful(text[index]))
            {
                return index;
            }
        }

        return -1;
    }

    private static void WriteProperties<TState>(Utf8JsonWriter json, TState state)
    {
        if (state is not IReadOnlyList<KeyValuePair<string, object?>> { Count: > 0 } properties)
        {
            return;
        }

        var any = false;
        for (var index = 0; index < properties.Count; index++)
        {
            var (name, value) = properties[index];
            if (name == "{OriginalFormat}")
            {
                continue;
            }

            if (!any)
            {
                any = true;
                json.WriteStartObject("properties"u8);
            }

            json.WritePropertyName(name);
            WriteValue(json, value);
        }

        if (any)
        {
            json.WriteEndObject();
        }
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case decimal number:
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case Guid id:
                json.WriteStringValue(id);
                break;
            case DateTimeOffset instant:
                json.WriteStringValue(instant);
                break;
            default:
                json.WriteStringValue(Bounded(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", MaxValue));
                break;
        }
    }

    private static ReadOnlySpan<char> Bounded(string text, int maxLength) => text.AsSpan(0, Math.Min(text.Length, maxLength));

    private static string Short(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "information",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
