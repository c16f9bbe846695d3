using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Writes the chunks of a client's stream: events, or the elements of an array where it did not ask for events.</summary>
/// <remarks>
/// <code>
/// data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}, "index": 0}], "modelVersion": …, "responseId": …}
/// data: {"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}], "usageMetadata": {…}, …}
///
/// [{"candidates": …}
/// ,
/// {"candidates": …}
/// ]
/// </code>
/// A call is written when its arguments are whole.
/// </remarks>
internal sealed class GeminiStreamWriter(Conversation conversation) : IAnswerWriter
{
    // What is held back of one call; no model writes that much.
    private const int MaxArguments = 32 * 1024 * 1024;

    private readonly GeminiGrounding grounding = new();
    private readonly StringBuilder arguments = new();
    private ToolCallBegan? call;
    private AnswerBegan answer = new("", "");
    private TokenUsage? usage;
    private ThinkingSigned? held; // Goes onto the call that follows, where Gemini's clients look for it; Vercel's SDK passes over a part without text.
    private bool hasWritten;
    private bool isOver;

    public string ContentType => conversation.StreamsAsArray ? "application/json" : "text/event-stream";

    public void Write(AnswerEvent next, IBufferWriter<byte> output)
    {
        if (isOver)
        {
            return;
        }

        if (next is ToolCallDelta delta)
        {
            HoldBack(delta.Arguments);
            return;
        }

        if (next is not (UsageTold or LogprobsAdded))
        {
            WriteCall(output);
        }

        if (next is not (ToolCallBegan or PartEnded or UsageTold))
        {
            WriteHeld(output);
        }

        switch (next)
        {
            case AnswerBegan began:
                answer = began;
                break;
            case TextDelta text:
                WriteText(text.Text, output);
                break;
            case RefusalDelta refusal:
                WriteText(refusal.Text, output);
                break;
            case ThinkingDelta thinking:
                grounding.EndText();
                WriteChunk(output, json => GeminiAnswer.WriteText(json, thinking.Text, isThought: true));
                break;
            case ThinkingSigned signed:
                grounding.EndText();
                held = signed;
                break;
            default:
                WriteRest(next, output);
                break;
        }
    }

    private void WriteRest(AnswerEvent next, IBufferWriter<byte> output)
    {
        switch (next)
        {
            case ToolCallBegan began:
                grounding.EndText();
                call = WithHeld(began, output);
                break;
            case PartEnded:
                grounding.EndText();
                break;
            case CitationAdded added:
                grounding.Add(added.Citation);
                break;
            case LogprobsAdded logprobs:
                WriteFrame(output, json => WriteCandidate(json, null, one => GeminiLogprobs.Write(one, logprobs.Entries)));
                break;
            case UsageTold told:
                usage = told.Usage;
                break;
            case AnswerEnded ended:
                isOver = true;
                WriteLast(ended.Stop, output);
                break;
            case AnswerFailed failed:
                isOver = true;
                WriteFrame(output, json => GeminiErrors.WriteMember(failed.Fault, null, json), isError: true);
                CloseArray(output);
                break;
        }
    }

    private ToolCallBegan WithHeld(ToolCallBegan began, IBufferWriter<byte> output)
    {
        if (held is not { IsRedacted: false } signed || began.Signature is not null)
        {
            WriteHeld(output);
            return began;
        }

        held = null;
        return began with { Signature = signed.Signature };
    }

    private void WriteHeld(IBufferWriter<byte> output)
    {
        if (held is { } signed)
        {
            held = null;
            WriteChunk(output, json => GeminiAnswer.WriteText(json, "", isThought: true, signed.Signature, signed.IsRedacted));
        }
    }

    private void WriteText(string text, IBufferWriter<byte> output)
    {
        grounding.AddText(text);
        WriteChunk(output, json => GeminiAnswer.WriteText(json, text));
    }

    private void HoldBack(string more)
    {
        if (arguments.Length + more.Length > MaxArguments)
        {
            throw new UnreadableAnswerException("The arguments of a tool call do not end.");
        }

        arguments.Append(more);
    }

    private void WriteCall(IBufferWriter<byte> output)
    {
        if (call is { } whole)
        {
            call = null;
            WriteChunk(output, json => GeminiAnswer.WriteCall(json, whole.Id, whole.Name, arguments.ToString(), whole.Signature));
        }

        arguments.Clear();
    }

    private void WriteLast(StopReason stop, IBufferWriter<byte> output)
    {
        WriteFrame(output, json =>
        {
            WriteCandidate(json, static one => GeminiAnswer.WriteText(one, ""), one =>
            {
                one.WriteString("finishReason"u8, GeminiAnswer.FinishOf(stop));
                if (!grounding.IsEmpty)
                {
                    grounding.Write(one);
                }
            });
            if (usage is { } told)
            {
                GeminiAnswer.WriteUsage(json, told);
            }
        });
        CloseArray(output);
    }

    private void WriteChunk(IBufferWriter<byte> output, Action<Utf8JsonWriter> part) => WriteFrame(output, json => WriteCandidate(json, part, null));

    private static void WriteCandidate(Utf8JsonWriter json, Action<Utf8JsonWriter>? part, Action<Utf8JsonWriter>? members)
    {
        json.WriteStartArray("candidates"u8);
        json.WriteStartObject();
        json.WriteStartObject("content"u8);
        json.WriteString("role"u8, "model"u8);
        json.WriteStartArray("parts"u8);
        part?.Invoke(json);
        json.WriteEndArray();
        json.WriteEndObject();
        members?.Invoke(json);
        json.WriteNumber("index"u8, 0);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private void WriteFrame(IBufferWriter<byte> output, Action<Utf8JsonWriter> members, bool isError = false)
    {
        output.Write((conversation.StreamsAsArray, hasWritten) switch
        {
            (false, _) => "data: "u8,
            (true, false) => "["u8,
            (true, true) => ",\n"u8,
        });
        hasWritten = true;
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            members(json);
            if (!isError)
            {
                json.WriteString("modelVersion"u8, answer.Model);
                json.WriteString("responseId"u8, answer.Id);
            }

            json.WriteEndObject();
        }

        output.Write(conversation.StreamsAsArray ? "\n"u8 : "\n\n"u8);
    }

    private void CloseArray(IBufferWriter<byte> output)
    {
        if (conversation.StreamsAsArray)
        {
            output.Write("]"u8);
        }
    }
}
