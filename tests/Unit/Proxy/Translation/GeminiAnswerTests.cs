using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.Gemini;
using static CCGate.Tests.Unit.Proxy.Translation.GeminiFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class GeminiAnswerTests
{
    private const string Full = """
        {"candidates": [{"content": {"role": "model", "parts": [
            {"text": "Hm", "thought": true}, {"text": "Größe: ", "thoughtSignature": "AA"}, {"text": "drei", "thoughtSignature": "BB"},
            {"functionCall": {"name": "f", "args": {"x": 1.0}}, "thoughtSignature": "CC"}, {"functionCall": {"id": "own", "name": "g"}}]},
          "finishReason": "STOP",
          "logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -0.5}], "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}]}}],
         "usageMetadata": {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 5, "thoughtsTokenCount": 2, "totalTokenCount": 17},
         "modelVersion": "gemini-3-pro", "responseId": "r1"}
        """;

    [Fact]
    public void A_picture_of_the_models_leaves_a_word_that_it_is_missing()
    {
        var answer = ReadAnswer(
            """
            {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/webp", "data": "QQ=="}, "thought": true}, {"text": "Here:"},
              {"inlineData": {"mimeType": "image/png", "data": "QQ=="}, "thoughtSignature": "AA"}]}, "finishReason": "STOP"}]}
            """);

        Assert.Equal(
            [
                new ThinkingPart("\n[image/webp left out: a translated answer has no place for it]\n", null),
                new TextPart("Here:\n[image/png left out: a translated answer has no place for it]\n"),
                new ThinkingPart("", "ccgate.gemini.AA"),
            ],
            answer.Parts.Select(static part => part is TextPart text ? new TextPart(text.Text) : part));
    }

    [Fact]
    public void An_answer_is_read_whole()
    {
        var answer = ReadAnswer(Full);

        Assert.Equal(("r1", "gemini-3-pro", StopReason.ToolUse), (answer.Id, answer.Model, answer.Stop));
        Assert.Equal(
            [
                new ThinkingPart("Hm", "ccgate.gemini.AA"), new TextPart("Größe: drei"), new ThinkingPart("", "ccgate.gemini.BB"),
                new ToolCallPart("call_" + Hash("r1") + "_0", "f", """{"x": 1.0}""") { Signature = "ccgate.gemini.CC" },
                new ToolCallPart("own", "g", "{}"),
            ],
            answer.Parts.Select(part => part is TextPart text ? new TextPart(text.Text) : part));
        Assert.Equal(new TokenUsage { InputTokens = 6, CacheReadTokens = 4, OutputTokens = 7, ReasoningTokens = 2 }, answer.Usage);
        AssertJson("""{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-1,"bytes":[98]}]}""", Assert.Single(answer.Logprobs!).GetRawText());
    }

    [Fact]
    public void An_answer_is_written_whole()
    {
        var answer = new Answer("r1", "claude") { Stop = StopReason.ToolUse, Usage = new TokenUsage { InputTokens = 6, CacheReadTokens = 4, OutputTokens = 7, ReasoningTokens = 2 } };
        answer.Parts.Add(new ThinkingPart("Hm", "ccgate.gemini.AA"));
        answer.Parts.Add(new TextPart("Größe") { Citations = [new Citation("https://a.example", "A", "öße", 2, 5)] });
        answer.Parts.Add(new ToolCallPart("1", "f", """{"x": 1.0}""") { Signature = "ccgate.gemini.CC" });
        answer.Logprobs = [JsonElement.Parse("""{"token":"a","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"b","logprob":-1}]}""")];

        AssertJson(
            """
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hm", "thought": true, "thoughtSignature": "AA"}, {"text": "Größe"},
                {"functionCall": {"id": "1", "name": "f", "args": {"x": 1.0}}, "thoughtSignature": "CC"}]},
              "finishReason": "STOP", "index": 0,
              "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
                "groundingSupports": [{"segment": {"startIndex": 2, "endIndex": 7, "text": "öße"}, "groundingChunkIndices": [0]}]},
              "logprobsResult": {"topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}], "chosenCandidates": [{"token": "a", "logProbability": -0.5}]}}],
             "usageMetadata": {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 5, "thoughtsTokenCount": 2, "totalTokenCount": 17},
             "modelVersion": "claude", "responseId": "r1"}
            """,
            Written(json => GeminiProtocol.Instance.WriteAnswer(answer, new Conversation { Model = "m" }, json)));
    }

    [Theory]
    [InlineData("STOP", "EndTurn")]
    [InlineData("MAX_TOKENS", "MaxTokens")]
    [InlineData("SAFETY", "Refusal")]
    [InlineData("RECITATION", "Refusal")]
    [InlineData("SPII", "Refusal")]
    [InlineData("OTHER", "EndTurn")]
    public void Reasons_to_finish_are_understood(string reason, string stop) =>
        Assert.Equal(stop, ReadAnswer($$"""{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"{{reason}}"}]}""").Stop.ToString());

    [Theory]
    [InlineData("EndTurn", "STOP")]
    [InlineData("StopSequence", "STOP")]
    [InlineData("ContextWindowExceeded", "MAX_TOKENS")]
    [InlineData("Refusal", "SAFETY")]
    public void Reasons_to_stop_are_told(string stop, string reason)
    {
        var answer = new Answer("r", "m") { Stop = Enum.Parse<StopReason>(stop) };
        var told = JsonElement.Parse(Written(json => GeminiProtocol.Instance.WriteAnswer(answer, new Conversation { Model = "m" }, json)));
        Assert.Equal(reason, told.GetProperty("candidates")[0].GetProperty("finishReason").GetString());
    }

    [Fact]
    public void A_blocked_prompt_is_a_refusal()
    {
        var answer = ReadAnswer("""{"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}}""");

        Assert.Equal(StopReason.Refusal, answer.Stop);
        Assert.Equal([new RefusalPart("No.")], answer.Parts);
    }

    [Fact]
    public void Sources_become_citations_of_characters()
    {
        var answer = ReadAnswer("""
            {"candidates": [{"content": {"parts": [{"text": "Größe: 3"}]}, "finishReason": "STOP", "groundingMetadata": {
              "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
              "groundingSupports": [{"segment": {"startIndex": 2, "endIndex": 7, "text": "öße"}, "groundingChunkIndices": [0, 7]}]}}]}
            """);

        Assert.Equal([new Citation("https://a.example", "A", "öße", 2, 5)], Assert.IsType<TextPart>(Assert.Single(answer.Parts)).Citations);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("\"x\"")]
    [InlineData("""{"error": {"code": 500}}""")]
    [InlineData("""{"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}""")]
    [InlineData("""{"candidates": [{"content": {"parts": [{"text": "\ud800"}]}}]}""")]
    public void What_is_no_answer_cannot_be_read(string body) => Assert.Throws<UnreadableAnswerException>(() => ReadAnswer(body));

    [Fact]
    public void Hostile_answers_are_read_or_not_but_nothing_else()
    {
        var random = new Random(2);
        var whole = Encoding.UTF8.GetBytes(Full);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = whole[..(random.Next(4) == 0 ? random.Next(whole.Length) : whole.Length)];
            for (var change = 0; change < 3 && bytes.Length > 0; change++)
            {
                bytes[random.Next(bytes.Length)] = (byte)"{}[]\",:0nt\\é"[random.Next(12)];
            }

            try
            {
                GeminiProtocol.Instance.StartReading().Read([], bytes, []);
                GeminiProtocol.Instance.ReadAnswer(JsonElement.Parse(bytes));
            }
            catch (Exception error) when (error is UnreadableAnswerException or JsonException)
            {
                // As it should; the body is parsed by the caller.
            }

            GeminiProtocol.Instance.ReadError(500, bytes);
        }
    }

    [Theory]
    [InlineData(429, """{"error":{"code":429,"message":"Slow","status":"RESOURCE_EXHAUSTED"}}""", "RateLimited", "Slow", "RESOURCE_EXHAUSTED")]
    [InlineData(400, """[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]""", "InvalidRequest", "Bad", "INVALID_ARGUMENT")]
    [InlineData(400, """{"error":{"code":400,"message":"Key","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}""", "Unauthenticated", "Key", "INVALID_ARGUMENT")]
    [InlineData(503, """{"error":{"message":"Full"}}""", "Overloaded", "Full", null)]
    [InlineData(404, "<html>", "NotFound", "The upstream answered with status 404.", null)]
    [InlineData(500, "{\"error\":\"x\"}", "Server", "The upstream answered with status 500.", null)]
    public void Errors_are_read(int status, string body, string kind, string message, string? code) =>
        Assert.Equal(new Fault(Enum.Parse<FaultKind>(kind), status, message) { Code = code }, GeminiProtocol.Instance.ReadError(status, Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void Errors_are_written()
    {
        var status = 0;
        var error = Written(json => status = GeminiProtocol.Instance.WriteError(new Fault(FaultKind.Overloaded, 529, "Full"), "req", json));

        Assert.Equal(503, status);
        AssertJson(
            """
            {"error": {"code": 503, "message": "Full", "status": "UNAVAILABLE", "details": [{"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "req"}]}}
            """,
            error);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
