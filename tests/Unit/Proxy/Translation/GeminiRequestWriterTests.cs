using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.GeminiFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class GeminiRequestWriterTests
{
    [Fact]
    public void A_conversation_is_written_whole()
    {
        var conversation = new Conversation
        {
            Model = "gemini-2.5-flash",
            ToolChoice = ToolChoice.One,
            ChosenTool = "look",
            MaxOutputTokens = 50,
            Temperature = 1,
            TopP = 0.5,
            TopK = 3,
            Seed = 4,
            Logprobs = 2,
            PresencePenalty = 0.5,
            FrequencyPenalty = 0.25,
            Reasoning = new Reasoning("high", null),
            Format = new OutputFormat("f", JsonElement.Parse("""{"a":1.0}"""), true),
            ParallelToolCalls = false,
            User = "u",
            ServiceTier = "flex",
            Verbosity = "low",
        };
        conversation.System.Add(new TextPart("Be brief.") { Cache = new CacheMarker(null) });
        conversation.StopSequences.Add("END");
        conversation.Tools.Add(new Tool("look", "Looks", JsonElement.Parse("""{"type":"object","$schema":"x"}""")) { Strict = true });
        conversation.Tools.Add(new Tool("free", null, null) { IsFreeForm = true });
        conversation.Add(Role.User, new TextPart("Hi"));
        conversation.Add(Role.User, new MediaPart(MediaKind.Image, null, null, new Uri("https://a.example/b.png")));
        conversation.Add(Role.Assistant, new ToolCallPart("1", "look", """{"x":1}"""));
        conversation.Add(Role.Assistant, new ToolCallPart("2", "free", """{"a":1}"""));
        conversation.Add(Role.System, new TextPart("Mind."));
        conversation.Add(Role.User, new ToolResultPart("2", [new TextPart("b")], true));
        conversation.Add(Role.User, new ToolResultPart("1", [new TextPart("""{"y":2}"""), new MediaPart(MediaKind.Image, "image/png", "QQ==", null)], false));
        conversation.Add(Role.User, new TextPart("Go on"));
        var losses = new Losses();

        AssertJson(
            """
            {"systemInstruction": {"parts": [{"text": "Be brief."}]},
             "contents": [
              {"role": "user", "parts": [{"text": "Hi"}, {"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/b.png"}}]},
              {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"x": 1}}}, {"functionCall": {"name": "free", "args": {"input": "{\"a\":1}"}}}]},
              {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"y": 2}}},
                {"functionResponse": {"name": "free", "response": {"error": "b"}}}, {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
                {"text": "Mind."}, {"text": "Go on"}]}],
             "tools": [{"functionDeclarations": [{"name": "look", "description": "Looks", "parametersJsonSchema": {"type":"object","$schema":"x"}},
              {"name": "free", "parametersJsonSchema": {"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}}]}],
             "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}},
             "generationConfig": {"temperature": 1, "topP": 0.5, "topK": 3, "maxOutputTokens": 50, "presencePenalty": 0.5, "frequencyPenalty": 0.25, "seed": 4,
              "stopSequences": ["END"], "responseMimeType": "application/json", "responseJsonSchema": {"a": 1.0}, "responseLogprobs": true, "logprobs": 2,
              "thinkingConfig": {"thinkingBudget": 24576, "includeThoughts": true}},
             "serviceTier": "flex"}
            """,
            WriteRequest(conversation, losses));
        Assert.Equal(["cache_control", "tools.strict", "parallel_tool_calls", "verbosity", "user"], losses.Dropped);
    }

    [Theory]
    [InlineData("gemini-3-pro-preview", "none", null, """{"thinkingLevel":"low"}""")]
    [InlineData("gemini-3-pro-preview", "medium", null, """{"thinkingLevel":"high","includeThoughts":true}""")]
    [InlineData("models/gemini-3.5-flash", "minimal", false, """{"thinkingLevel":"minimal"}""")]
    [InlineData("gemini-flash-latest", "max", true, """{"thinkingLevel":"high","includeThoughts":true}""")]
    [InlineData("gemini-2.5-pro", "none", null, """{"thinkingBudget":128}""")]
    [InlineData("gemini-2.5-flash-lite", "minimal", null, """{"thinkingBudget":1024,"includeThoughts":true}""")]
    [InlineData("gemini-2.5-flash", null, true, """{"includeThoughts":true}""")]
    [InlineData("gemini-2.5-flash-lite", null, true, null)]
    [InlineData("gemini-2.0-flash", null, true, null)]
    [InlineData("gemini-3-pro", null, null, null)]
    [InlineData("gemini-2.0-flash", "high", null, null)]
    public void Thinking_is_asked_for_as_the_model_takes_it(string model, string? effort, bool? shown, string? expected)
    {
        var conversation = new Conversation { Model = model, Reasoning = new Reasoning(effort, null) { Shown = shown } };
        var losses = new Losses();
        var config = JsonElement.Parse(WriteRequest(conversation, losses)).GetProperty("generationConfig");

        Assert.Equal(expected, config.TryGetProperty("thinkingConfig", out var thinking) ? thinking.GetRawText() : null);
        Assert.Equal(expected is null && effort is not null, losses.Dropped.Contains("reasoning"));
    }

    [Fact]
    public void Signatures_go_onto_what_follows_them_and_the_first_call_of_a_step_has_one()
    {
        var conversation = new Conversation { Model = "gemini-3-pro" };
        conversation.Add(Role.Assistant, new ThinkingPart("Hm", "ccgate.gemini.AA"));
        conversation.Add(Role.Assistant, new TextPart("Text"));
        conversation.Add(Role.Assistant, new ThinkingPart("", "ccgate.gemini.BB"));
        conversation.Add(Role.Assistant, new ToolCallPart("1", "f", "{}"));
        conversation.Add(Role.Assistant, new ToolCallPart("2", "f", "") { Signature = "ccgate.gemini.CC" });
        conversation.Add(Role.User, new ToolResultPart("1", [], false));
        conversation.Add(Role.Assistant, new ThinkingPart("Not ours", "ccgate.anthropic.DD"));
        conversation.Add(Role.Assistant, new ToolCallPart("3", "f", "{}"));
        conversation.Add(Role.Assistant, new ToolCallPart("4", "f", "{}"));
        conversation.Add(Role.User, new ToolResultPart("3", [], false));
        conversation.Add(Role.Assistant, new ThinkingPart("", "ccgate.gemini.EE"));

        AssertJson(
            """
            [{"role": "model", "parts": [{"text": "Hm", "thought": true}, {"text": "Text", "thoughtSignature": "AA"},
               {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "BB"}, {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "CC"}]},
             {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": ""}}}]},
             {"role": "model", "parts": [{"text": "Not ours", "thought": true},
               {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"}, {"functionCall": {"name": "f", "args": {}}}]},
             {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": ""}}}]},
             {"role": "model", "parts": [{"text": "", "thoughtSignature": "EE"}]}]
            """,
            JsonElement.Parse(WriteRequest(conversation)).GetProperty("contents").GetRawText());
    }

    [Fact]
    public void A_picture_in_a_result_is_put_inside_it_where_the_model_takes_it()
    {
        var conversation = new Conversation { Model = "gemini-3-pro" };
        conversation.Add(Role.Assistant, new ToolCallPart("1", "f", "{}") { Signature = "ccgate.gemini.AA" });
        conversation.Add(Role.User, new ToolResultPart("1", [new MediaPart(MediaKind.Image, "image/png", "QQ==", null), new MediaPart(MediaKind.Audio, "audio/wav", "QQ==", null)], false));

        AssertJson(
            """
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": ""}, "parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}]}},
              {"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}}]}
            """,
            JsonElement.Parse(WriteRequest(conversation)).GetProperty("contents")[1].GetRawText());
    }

    [Fact]
    public void A_sixth_stop_sequence_and_a_result_without_its_call_are_refused()
    {
        var stops = new Conversation { Model = "gemini-3-pro" };
        stops.StopSequences.AddRange(["1", "2", "3", "4", "5", "6"]);
        Assert.StartsWith("stop: ", Assert.Throws<RefusedException>(() => WriteRequest(stops)).Message, StringComparison.Ordinal);

        var orphan = new Conversation { Model = "gemini-3-pro" };
        orphan.Add(Role.User, new ToolResultPart("1", [], false));
        Assert.StartsWith("messages[0]: ", Assert.Throws<RefusedException>(() => WriteRequest(orphan)).Message, StringComparison.Ordinal);
    }
}
