using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Gemini's <c>generateContent</c>.</summary>
internal sealed class GeminiProtocol : IProtocol
{
    public static readonly GeminiProtocol Instance = new();

    public Conversation ReadRequest(Call call, Losses losses) => GeminiRequest.Read(call, losses);

    public void WriteRequest(Conversation conversation, Utf8JsonWriter json, Losses losses) => new GeminiRequestWriter(conversation, json, losses).Write();

    public string PathFor(bool streaming) => $"/v1beta/models/{Call.ModelInPath}:{(streaming ? "streamGenerateContent?alt=sse" : "generateContent")}";

    public Answer ReadAnswer(JsonElement body) => GeminiAnswer.Read(body);

    public void WriteAnswer(Answer answer, Conversation conversation, Utf8JsonWriter json) => GeminiAnswer.Write(answer, json);

    public IAnswerReader StartReading() => new GeminiStream();

    public IAnswerWriter StartWriting(Conversation conversation) => new GeminiStreamWriter(conversation);

    public Fault ReadError(int status, ReadOnlyMemory<byte> body) => GeminiErrors.Read(status, body);

    public int WriteError(Fault fault, string requestId, Utf8JsonWriter json) => GeminiErrors.Write(fault, requestId, json);
}
