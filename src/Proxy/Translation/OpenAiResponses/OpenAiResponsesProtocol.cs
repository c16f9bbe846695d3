using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>OpenAI's Responses, which Codex speaks.</summary>
/// <param name="time">Tells when an answer was made.</param>
internal sealed class OpenAiResponsesProtocol(TimeProvider time) : IProtocol
{
    public static readonly OpenAiResponsesProtocol Instance = new(TimeProvider.System);

    public Conversation ReadRequest(Call call, Losses losses) => OpenAiResponsesRequest.Read(call, losses);

    public void WriteRequest(Conversation conversation, Utf8JsonWriter json, Losses losses) => OpenAiResponsesRequestWriter.Write(conversation, json, losses);

    public string PathFor(bool streaming) => "/v1/responses";

    public Answer ReadAnswer(JsonElement body) => OpenAiResponsesAnswer.Read(body);

    public void WriteAnswer(Answer answer, Conversation conversation, Utf8JsonWriter json) =>
        OpenAiResponsesAnswer.Write(answer, conversation, time.GetUtcNow(), json);

    public IAnswerReader StartReading() => new OpenAiResponsesStreamReader();

    public IAnswerWriter StartWriting(Conversation conversation) => new OpenAiResponsesStreamWriter(conversation, time);

    public Fault ReadError(int status, ReadOnlyMemory<byte> body) => OpenAiResponsesError.Read(status, body);

    public int WriteError(Fault fault, string requestId, Utf8JsonWriter json) => OpenAiResponsesError.Write(fault, json);
}
