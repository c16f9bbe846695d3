using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Writes a streamed chat completion; drawn in <see cref="OpenAiChatStreamReader"/>.</summary>
[SuppressMessage("Design", "CA1001", Justification = "What its JSON writer holds is given up with each chunk's buffer; disposing it would only flush that.")]
internal sealed class OpenAiChatStreamWriter(Conversation conversation, long created) : IAnswerWriter
{
    // Nobody shows it as a page, and most languages are half as long with it.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly Utf8JsonWriter json = new(Stream.Null, Options);
    private string id = "chatcmpl-";
    private string model = conversation.Model;
    private TokenUsage usage = new();
    private int call = -1;
    private bool isFreeForm;
    private bool isInCall;
    private bool saidArguments;
    private bool isInText;
    private bool saidRefusal;
    private int textStart;
    private int textEnd;
    private bool isInThinking;
    private int thinkingStart;
    private int thinkingEnd;

    public string ContentType => "text/event-stream";

    public void Write(AnswerEvent next, IBufferWriter<byte> output)
    {
        if (next is not (ToolCallDelta or UsageTold or LogprobsAdded))
        {
            EndCall(output);
        }

        EndOther(next);
        switch (next)
        {
            case AnswerBegan began:
                (id, model) = (OpenAiChatAnswerWriter.Id(began.Id), began.Model.Length > 0 ? began.Model : model);
                WriteBegin(output);
                break;
            case ToolCallBegan tool:
                BeginCall(tool, output);
                break;
            case ToolCallDelta delta:
                WriteArguments(delta.Arguments, output);
                break;
            case UsageTold told:
                usage = told.Usage;
                break;
            case AnswerEnded ended:
                WriteEnd(ended, output);
                break;
            case AnswerFailed failed:
                WriteFailure(failed.Fault, output);
                break;
            default:
                WriteContent(next, output);
                break;
        }
    }

    private void WriteContent(AnswerEvent next, IBufferWriter<byte> output)
    {
        switch (next)
        {
            case TextDelta { Text.Length: > 0 } text:
                isInText = true;
                textEnd += text.Text.Length;
                WriteDelta("content"u8, text.Text, output);
                break;
            case RefusalDelta { Text.Length: > 0 } refusal:
                saidRefusal = true;
                WriteDelta("refusal"u8, refusal.Text, output);
                break;
            case ThinkingDelta { Text.Length: > 0 } thinking:
                isInThinking = true;
                thinkingEnd += thinking.Text.Length;
                WriteDelta("reasoning_content"u8, thinking.Text, output);
                break;
            case ThinkingSigned signed:
                WriteDelta("reasoning_signature"u8, ReasoningSignatures.Entry(signed.Signature, signed.IsRedacted, thinkingStart, thinkingEnd - thinkingStart), output);
                thinkingStart = thinkingEnd;
                break;
            case CitationAdded added:
                WriteCitation(added.Citation, output);
                break;
            case LogprobsAdded added:
                Begin(output);
                json.WriteEndObject();
                OpenAiChatAnswerWriter.WriteLogprobs(added.Entries, json);
                Finish(null, output);
                break;
        }
    }

    /// <summary>Ends the text or the thinking that the event does not go on with: what is said of one is counted from its beginning.</summary>
    private void EndOther(AnswerEvent next)
    {
        if (isInText && next is not (TextDelta or CitationAdded or LogprobsAdded or UsageTold))
        {
            isInText = false;
            textStart = textEnd;
        }

        if (isInThinking && next is not (ThinkingDelta or ThinkingSigned { IsRedacted: false } or UsageTold or LogprobsAdded))
        {
            isInThinking = false;
            thinkingStart = thinkingEnd;
        }
    }

    private void WriteBegin(IBufferWriter<byte> output)
    {
        Begin(output);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("content"u8, ""u8);
        json.WriteNull("refusal"u8);
        End(null, output);
    }

    private void WriteDelta(ReadOnlySpan<byte> name, string value, IBufferWriter<byte> output)
    {
        Begin(output);
        json.WriteString(name, value);
        End(null, output);
    }

    private void WriteCitation(Citation citation, IBufferWriter<byte> output)
    {
        Begin(output);
        json.WriteStartArray("annotations"u8);
        OpenAiChatAnswerWriter.WriteCitation(citation, textStart, textEnd - textStart, json);
        json.WriteEndArray();
        End(null, output);
    }

    private void BeginCall(ToolCallBegan tool, IBufferWriter<byte> output)
    {
        call++;
        isFreeForm = conversation.IsFreeForm(tool.Name);
        (isInCall, saidArguments) = (true, false);
        if (IsLeftOut)
        {
            return;
        }

        Begin(output);
        if (conversation.UsesFunctions)
        {
            json.WriteStartObject("function_call"u8);
            json.WriteString("name"u8, tool.Name);
            json.WriteString("arguments"u8, ""u8);
            json.WriteEndObject();
        }
        else
        {
            BeginCallDelta();
            OpenAiChatAnswerWriter.WriteCall(tool.Id, tool.Name, "", tool.Signature, isFreeForm, json);
            EndCallDelta();
        }

        End(null, output);
    }

    private void WriteArguments(string arguments, IBufferWriter<byte> output)
    {
        if (arguments.Length == 0 || IsLeftOut)
        {
            return;
        }

        saidArguments = true;
        Begin(output);
        if (conversation.UsesFunctions)
        {
            json.WriteStartObject("function_call"u8);
            json.WriteString("arguments"u8, arguments);
            json.WriteEndObject();
        }
        else
        {
            BeginCallDelta();
            json.WriteStartObject(isFreeForm ? "custom"u8 : "function"u8);
            json.WriteString(isFreeForm ? "input"u8 : "arguments"u8, arguments);
            json.WriteEndObject();
            EndCallDelta();
        }

        End(null, output);
    }

    /// <summary>Whether the call is one more than a client of functions knows.</summary>
    private bool IsLeftOut => conversation.UsesFunctions && call > 0;

    private void BeginCallDelta()
    {
        json.WriteStartArray("tool_calls"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, call);
    }

    private void EndCallDelta()
    {
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private void EndCall(IBufferWriter<byte> output)
    {
        if (isInCall && !saidArguments && !isFreeForm)
        {
            WriteArguments("{}", output); // The SDKs parse what came as JSON.
        }

        isInCall = false;
    }

    private void WriteEnd(AnswerEnded ended, IBufferWriter<byte> output)
    {
        Begin(output);
        End(OpenAiChatAnswerWriter.FinishReason(ended.Stop, saidRefusal, conversation), output);
        if (conversation.IncludeUsage)
        {
            BeginChunk(output);
            json.WriteEndArray();
            OpenAiChatAnswerWriter.WriteUsage(usage, json);
            EndChunk(output);
        }

        output.Write("data: [DONE]\n\n"u8);
    }

    private void WriteFailure(Fault fault, IBufferWriter<byte> output)
    {
        output.Write("data: "u8);
        json.Reset(output);
        json.WriteStartObject();
        OpenAiChatError.WriteMember(fault, json);
        EndChunk(output);
    }

    private void Begin(IBufferWriter<byte> output)
    {
        BeginChunk(output);
        json.WriteStartObject();
        json.WriteNumber("index"u8, 0);
        json.WriteStartObject("delta"u8);
    }

    private void End(string? finishReason, IBufferWriter<byte> output)
    {
        json.WriteEndObject();
        json.WriteNull("logprobs"u8);
        Finish(finishReason, output);
    }

    private void Finish(string? finishReason, IBufferWriter<byte> output)
    {
        json.WriteString("finish_reason"u8, finishReason);
        json.WriteEndObject();
        json.WriteEndArray();
        if (conversation.IncludeUsage)
        {
            json.WriteNull("usage"u8);
        }

        EndChunk(output);
    }

    private void BeginChunk(IBufferWriter<byte> output)
    {
        output.Write("data: "u8);
        json.Reset(output);
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("object"u8, "chat.completion.chunk"u8);
        json.WriteNumber("created"u8, created);
        json.WriteString("model"u8, model);
        json.WriteStartArray("choices"u8);
    }

    private void EndChunk(IBufferWriter<byte> output)
    {
        json.WriteEndObject();
        json.Flush();
        output.Write("\n\n"u8);
    }
}
