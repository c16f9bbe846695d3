using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>OpenAI's Chat Completions, which most mirrors and local servers speak too.</summary>
/// <remarks>https://platform.openai.com/docs/api-reference/chat</remarks>
internal sealed class OpenAiChatProtocol(TimeProvider time) : IProtocol
{
    /// <summary>Its name in <see cref="Signatures"/>.</summary>
    public const string Maker = "openai";
    public static readonly OpenAiChatProtocol Instance = new(TimeProvider.System);

    public Conversation ReadRequest(Call call, Losses losses) => OpenAiChatRequestReader.Read(call, losses);

    public void WriteRequest(Conversation conversation, Utf8JsonWriter json, Losses losses) => new OpenAiChatRequestWriter(conversation, json, losses).Write();

    public string PathFor(bool streaming) => "/v1/chat/completions";

    public Answer ReadAnswer(JsonElement body) => OpenAiChatAnswerReader.Read(body);

    public void WriteAnswer(Answer answer, Conversation conversation, Utf8JsonWriter json) => OpenAiChatAnswerWriter.Write(answer, conversation, Now, json);

    public IAnswerReader StartReading() => new OpenAiChatStreamReader();

    public IAnswerWriter StartWriting(Conversation conversation) => new OpenAiChatStreamWriter(conversation, Now);

    public Fault ReadError(int status, ReadOnlyMemory<byte> body) => OpenAiChatError.Read(status, body);

    public int WriteError(Fault fault, string requestId, Utf8JsonWriter json) => OpenAiChatError.Write(fault, json);

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();
}
