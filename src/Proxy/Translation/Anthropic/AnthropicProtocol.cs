using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>The Anthropic Messages API.</summary>
internal sealed class AnthropicProtocol : IProtocol
{
    public static readonly AnthropicProtocol Instance = new();

    public Conversation ReadRequest(Call call, Losses losses) => AnthropicRequest.Read(call, losses);

    public void WriteRequest(Conversation conversation, Utf8JsonWriter json, Losses losses) => AnthropicRequestWriter.Write(conversation, json, losses);

    public string PathFor(bool streaming) => "/v1/messages";

    public Answer ReadAnswer(JsonElement body) => AnthropicAnswer.Read(body);

    public void WriteAnswer(Answer answer, Conversation conversation, Utf8JsonWriter json) => AnthropicAnswer.Write(answer, conversation, json);

    public IAnswerReader StartReading() => new AnthropicStreamReader();

    public IAnswerWriter StartWriting(Conversation conversation) => new AnthropicStreamWriter(conversation);

    public Fault ReadError(int status, ReadOnlyMemory<byte> body) => AnthropicError.Read(status, body);

    public int WriteError(Fault fault, string requestId, Utf8JsonWriter json) => AnthropicError.Write(fault, requestId, json);
}
