using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Writes a client's stream.</summary>
/// <remarks>
/// <code>
/// response.created, response.in_progress                          {"type":…,"sequence_number":0,"response":{…}}
/// response.output_item.added                                      {…,"output_index":0,"item":{"id":"msg_…","content":[],…}}
///   response.content_part.added                                   {…,"item_id":"msg_…","output_index":0,"content_index":0,"part":{…}}
///     response.output_text.delta, …annotation.added               or response.refusal.delta
///   response.output_text.done, response.content_part.done
///   response.reasoning_summary_part.added, …_text.delta, …_text.done, …_part.done      of a reasoning item
///   response.function_call_arguments.delta, .done                 of a call; custom_tool_call_input.* of a free-form one
/// response.output_item.done                                       with the whole item
/// response.completed                                              or .incomplete, or .failed, with all items and the usage
/// </code>
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "The JSON writer writes into other's buffers; there is nothing to dispose of.")]
internal sealed class OpenAiResponsesStreamWriter(Conversation conversation, TimeProvider time) : IAnswerWriter
{
    // Everything said is told again at the end, so it is kept: more than any model writes is not.
    private const int MaxChars = 32 * 1024 * 1024;

    private readonly Utf8JsonWriter json = new(Stream.Null, ResponsesJson.Written);
    private ResponseDocument response = null!; // Made when the answer begins.
    private OutputItem? item;
    private MessageContent? content;
    private long sequence;
    private int chars;
    private bool began;
    private bool ended;
    private bool saidRefusal;

    public string ContentType => "text/event-stream";

    public void Write(AnswerEvent next, IBufferWriter<byte> output)
    {
        if (ended)
        {
            return;
        }

        if (!began)
        {
            Begin(next as AnswerBegan, output);
        }

        switch (next)
        {
            case TextDelta or RefusalDelta or CitationAdded or LogprobsAdded:
                WriteSaid(next, output);
                break;
            case ThinkingDelta or ThinkingSigned:
                WriteThinking(next, output);
                break;
            case ToolCallBegan or ToolCallDelta:
                WriteCall(next, output);
                break;
            default:
                WriteRest(next, output);
                break;
        }
    }

    private void Begin(AnswerBegan? told, IBufferWriter<byte> output)
    {
        began = true;
        response = new ResponseDocument(conversation, told?.Id ?? string.Empty, told?.Model ?? string.Empty, time.GetUtcNow());
        WriteResponse("response.created"u8, "in_progress", null, null, output);
        WriteResponse("response.in_progress"u8, "in_progress", null, null, output);
    }

    private void WriteRest(AnswerEvent next, IBufferWriter<byte> output)
    {
        switch (next)
        {
            case PartEnded when item is MessageItem:
                EndContent(output);
                break;
            case PartEnded:
                EndItem("completed", output);
                break;
            case UsageTold told:
                response.Usage = told.Usage;
                break;
            case AnswerEnded end:
                var (status, incomplete) = ResponseDocument.Ending(end.Stop, saidRefusal);
                EndItem(status, output);
                WriteResponse(incomplete is null ? "response.completed"u8 : "response.incomplete"u8, status, incomplete, null, output);
                ended = true;
                break;
            case AnswerFailed failed:
                WriteResponse("response.failed"u8, "failed", null, failed.Fault, output);
                WriteError(failed.Fault, output);
                ended = true;
                break;
            default:
                break;
        }
    }

    private void WriteSaid(AnswerEvent next, IBufferWriter<byte> output)
    {
        switch (next)
        {
            case TextDelta text:
                StartContent(isRefusal: false, output);
                WriteDelta("response.output_text.delta"u8, text.Text, output);
                break;
            case RefusalDelta refusal:
                saidRefusal = true;
                StartContent(isRefusal: true, output);
                WriteDelta("response.refusal.delta"u8, refusal.Text, output);
                break;
            case CitationAdded { Citation: var citation } when content is { IsRefusal: false }:
                StartEvent("response.output_text.annotation.added"u8, output);
                json.WriteNumber("annotation_index"u8, content.Citations.Count);
                json.WritePropertyName("annotation"u8);
                MessageContent.WriteAnnotation(citation, content.Text.Length, json);
                EndEvent(output);
                content.Citations.Add(citation);
                break;
            case LogprobsAdded logprobs:
                Count(logprobs.Entries.Count);
                content?.Logprobs.AddRange(logprobs.Entries); // Told when the text is whole.
                break;
            default:
                break;
        }
    }

    private void WriteThinking(AnswerEvent next, IBufferWriter<byte> output)
    {
        if (next is ThinkingDelta delta)
        {
            StartReasoning(output);
            var reasoning = (ReasoningItem)item!;
            if (reasoning.Text.Length == 0)
            {
                WriteSummaryPart("response.reasoning_summary_part.added"u8, reasoning, output);
            }

            Count(delta.Text.Length);
            reasoning.Text.Append(delta.Text);
            StartEvent("response.reasoning_summary_text.delta"u8, output);
            json.WriteString("delta"u8, delta.Text);
            EndEvent(output);
        }
        else if (next is ThinkingSigned signed)
        {
            StartReasoning(output);
            ((ReasoningItem)item!).Encrypted = OpaqueReasoning.ForThought(signed.Signature, signed.IsRedacted);
            EndItem("completed", output);
        }
    }

    private void StartReasoning(IBufferWriter<byte> output)
    {
        if (item is not ReasoningItem)
        {
            StartItem(new ReasoningItem(NextId("rs", output)), output);
        }
    }

    private void WriteCall(AnswerEvent next, IBufferWriter<byte> output)
    {
        if (next is ToolCallBegan call)
        {
            EndItem("completed", output);
            if (call.Signature is { } signature)
            {
                StartItem(new ReasoningItem(response.NextId("rs")) { Encrypted = OpaqueReasoning.ForCall(signature) }, output);
                EndItem("completed", output);
            }

            StartItem(response.NewCall(call.Id, call.Name), output);
        }
        else if (next is ToolCallDelta delta && item is CallItem at && delta.Arguments.Length > 0)
        {
            Count(delta.Arguments.Length);
            at.Written.Append(delta.Arguments);
            if (!at.IsFreeForm && !at.IsHeldBack)
            {
                WriteArguments(delta.Arguments, output);
            }
        }
    }

    private void WriteArguments(string delta, IBufferWriter<byte> output)
    {
        StartEvent("response.function_call_arguments.delta"u8, output);
        json.WriteString("delta"u8, delta);
        EndEvent(output);
    }

    private string NextId(string prefix, IBufferWriter<byte> output)
    {
        EndItem("completed", output);
        return response.NextId(prefix);
    }

    private void StartItem(OutputItem next, IBufferWriter<byte> output)
    {
        item = next;
        response.Items.Add(next);
        if (next is not CallItem { IsHeldBack: true })
        {
            WriteItem("response.output_item.added"u8, "in_progress", output);
        }
    }

    private void StartContent(bool isRefusal, IBufferWriter<byte> output)
    {
        if (content is not null && content.IsRefusal != isRefusal)
        {
            EndContent(output);
        }

        if (content is not null)
        {
            return;
        }

        if (item is not MessageItem)
        {
            StartItem(new MessageItem(NextId("msg", output)), output);
        }

        content = new MessageContent(isRefusal);
        ((MessageItem)item!).Contents.Add(content);
        WritePart("response.content_part.added"u8, output);
    }

    private void WriteDelta(ReadOnlySpan<byte> name, string delta, IBufferWriter<byte> output)
    {
        Count(delta.Length);
        content!.Text.Append(delta);
        StartEvent(name, output);
        json.WriteString("delta"u8, delta);
        if (!content.IsRefusal)
        {
            MessageContent.WriteLogprobs([], json);
        }

        EndEvent(output);
    }

    private void EndContent(IBufferWriter<byte> output)
    {
        if (content is null)
        {
            return;
        }

        StartEvent(content.IsRefusal ? "response.refusal.done"u8 : "response.output_text.done"u8, output);
        json.WriteString(content.IsRefusal ? "refusal"u8 : "text"u8, content.Text.ToString());
        if (!content.IsRefusal)
        {
            MessageContent.WriteLogprobs(content.Logprobs, json);
        }

        EndEvent(output);
        WritePart("response.content_part.done"u8, output);
        content = null;
    }

    private void EndItem(string status, IBufferWriter<byte> output)
    {
        switch (item)
        {
            case null:
                return;
            case MessageItem:
                EndContent(output);
                break;
            case ReasoningItem { Text.Length: > 0 } reasoning:
                StartEvent("response.reasoning_summary_text.done"u8, output);
                json.WriteString("text"u8, reasoning.Text.ToString());
                EndEvent(output);
                WriteSummaryPart("response.reasoning_summary_part.done"u8, reasoning, output);
                break;
            case CallItem call:
                EndCall(call, status, output);
                break;
            default:
                break;
        }

        WriteItem("response.output_item.done"u8, status, output);
        item = null;
    }

    private void EndCall(CallItem call, string status, IBufferWriter<byte> output)
    {
        if (call.IsHeldBack)
        {
            WriteItem("response.output_item.added"u8, status, output);
            return;
        }

        if (call.IsFreeForm)
        {
            var input = call.Input;
            StartEvent("response.custom_tool_call_input.delta"u8, output);
            json.WriteString("delta"u8, input);
            EndEvent(output);
            StartEvent("response.custom_tool_call_input.done"u8, output);
            json.WriteString("input"u8, input);
            EndEvent(output);
            return;
        }

        if (call.Written.Length == 0)
        {
            WriteArguments(call.Arguments, output);
        }

        StartEvent("response.function_call_arguments.done"u8, output);
        json.WriteString("name"u8, call.Name);
        json.WriteString("arguments"u8, call.Arguments);
        EndEvent(output);
    }

    private void WritePart(ReadOnlySpan<byte> name, IBufferWriter<byte> output)
    {
        StartEvent(name, output);
        json.WritePropertyName("part"u8);
        content!.Write(json);
        EndEvent(output);
    }

    private void WriteSummaryPart(ReadOnlySpan<byte> name, ReasoningItem reasoning, IBufferWriter<byte> output)
    {
        StartEvent(name, output);
        json.WritePropertyName("part"u8);
        reasoning.WriteSummary(json);
        EndEvent(output);
    }

    private void WriteItem(ReadOnlySpan<byte> name, string status, IBufferWriter<byte> output)
    {
        StartFrame(name, output);
        json.WriteNumber("output_index"u8, response.Items.Count - 1);
        json.WritePropertyName("item"u8);
        item!.Write(json, status);
        EndEvent(output);
    }

    private void WriteResponse(ReadOnlySpan<byte> name, string status, string? incomplete, Fault? fault, IBufferWriter<byte> output)
    {
        StartFrame(name, output);
        json.WritePropertyName("response"u8);
        response.Write(json, status, incomplete, fault);
        EndEvent(output);
    }

    /// <summary>OpenAI's SDK for JavaScript throws for an event with an error in it, and for nothing else: openai-node, src/core/streaming.ts.</summary>
    private void WriteError(Fault fault, IBufferWriter<byte> output)
    {
        StartFrame("error"u8, output);
        var code = OpenAiResponsesError.CodeInStream(fault);
        json.WriteString("code"u8, code);
        json.WriteString("message"u8, fault.Message);
        json.WriteNull("param"u8);
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, "server_error"u8);
        json.WriteString("code"u8, code);
        json.WriteString("message"u8, fault.Message);
        json.WriteEndObject();
        EndEvent(output);
    }

    /// <summary>Begins an event of the item at hand, and says where in it that is.</summary>
    private void StartEvent(ReadOnlySpan<byte> name, IBufferWriter<byte> output)
    {
        StartFrame(name, output);
        json.WriteString("item_id"u8, item!.Id);
        json.WriteNumber("output_index"u8, response.Items.Count - 1);
        if (item is MessageItem message)
        {
            json.WriteNumber("content_index"u8, message.Contents.Count - 1);
        }
        else if (item is ReasoningItem)
        {
            json.WriteNumber("summary_index"u8, 0);
        }
    }

    private void StartFrame(ReadOnlySpan<byte> name, IBufferWriter<byte> output)
    {
        output.Write("event: "u8);
        output.Write(name);
        output.Write("\ndata: "u8);
        json.Reset(output);
        json.WriteStartObject();
        json.WriteString("type"u8, name);
        json.WriteNumber("sequence_number"u8, sequence++);
    }

    private void EndEvent(IBufferWriter<byte> output)
    {
        json.WriteEndObject();
        json.Flush();
        output.Write("\n\n"u8);
    }

    private void Count(int more)
    {
        chars += more;
        if (chars > MaxChars)
        {
            throw new UnreadableAnswerException("The upstream's answer is longer than any model's.");
        }
    }
}
