using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.GeminiFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class GeminiRequestTests
{
    private const string Full = """
        {
          "systemInstruction": {"parts": [{"text": "Be brief."}]},
          "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": "AAA-"}}]},
            {"role": "model", "parts": [{"text": "Hm", "thought": true}, {"text": "…", "thought": true}, {"text": "Let "}]},
            {"role": "model", "parts": [{"text": "me see."}, {"functionCall": {"name": "weather", "args": {"city": "Bonn"}}, "thoughtSignature": "c2ln"},
              {"functionCall": {"name": "weather", "args": {"city": "Köln"}}}]},
            {"role": "user", "parts": [{"text": "there"}, {"functionResponse": {"name": "weather", "response": {"output": "sun"}}},
              {"functionResponse": {"name": "weather", "response": {"error": "no"}, "parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}]}}]}
          ],
          "tools": [{"functionDeclarations": [{"name": "weather", "description": "d", "parameters": {"type": "OBJECT", "properties": {
            "title": {"type": "STRING", "nullable": true}, "type": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1"}}, "propertyOrdering": ["type"]}}]}],
          "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
          "generationConfig": {"temperature": 0.5, "topP": 0.9, "topK": 40, "candidateCount": 1, "maxOutputTokens": 100, "stopSequences": ["END"], "seed": 7,
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}, "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": true},
            "responseLogprobs": true, "logprobs": 2, "presencePenalty": 0.1, "frequencyPenalty": 0.2, "responseModalities": ["TEXT"], "mediaResolution": "MEDIA_RESOLUTION_LOW"},
          "safetySettings": [], "labels": {}
        }
        """;

    [Fact]
    public void A_request_is_read_whole()
    {
        var losses = new Losses();
        var read = ReadRequest(Full, losses);

        Assert.Equal("Be brief.", Assert.Single(read.System).Text);
        Assert.Equal([Role.User, Role.Assistant, Role.User], read.Turns.Select(turn => turn.Role));
        Assert.Equal([new TextPart("Weather?"), new MediaPart(MediaKind.Image, "image/png", "AAA+", null)], read.Turns[0].Parts);
        Assert.Equal(
            [
                new ThinkingPart("Hm…", null), new TextPart("Let me see."),
                new ToolCallPart("gemini_0", "weather", """{"city": "Bonn"}""") { Signature = "ccgate.gemini.c2ln" },
                new ToolCallPart("gemini_1", "weather", """{"city": "Köln"}"""),
            ],
            read.Turns[1].Parts.Select(part => part is TextPart text ? new TextPart(text.Text) : part));
        var results = read.Turns[2].Parts.OfType<ToolResultPart>().ToList();
        Assert.Equal([("gemini_0", false), ("gemini_1", true)], results.Select(result => (result.CallId, result.IsError)));
        Assert.Equal(new TextPart("sun"), Assert.Single(results[0].Content));
        Assert.IsType<MediaPart>(results[1].Content[1]);
        Assert.IsType<ToolResultPart>(read.Turns[2].Parts[0]);
        Assert.Equal(new TextPart("there"), read.Turns[2].Parts[2]);
        Assert.Equal((ToolChoice.One, "weather"), (read.ToolChoice, read.ChosenTool));
        Assert.Equal((0.5, 0.9, 40, 100, 7, 2, 0.1, 0.2), (read.Temperature!.Value, read.TopP!.Value, read.TopK!.Value, read.MaxOutputTokens!.Value, read.Seed!.Value, read.Logprobs!.Value, read.PresencePenalty!.Value, read.FrequencyPenalty!.Value));
        Assert.Equal(["END"], read.StopSequences);
        Assert.Equal(new Reasoning(null, 1024) { Shown = true }, read.Reasoning);
        AssertJson("""{"type": "object"}""", read.Format!.Schema!.Value.GetRawText());
        Assert.Equal(["generationConfig.mediaResolution", "safetySettings", "labels"], losses.Dropped);
    }

    [Fact]
    public void A_schema_of_Geminis_becomes_JSON_Schema_and_keeps_its_properties_names()
    {
        var tool = Assert.Single(ReadRequest(Full).Tools);

        AssertJson(
            """{"type": "object", "properties": {"title": {"type": ["string", "null"]}, "type": {"type": "array", "items": {"type": "integer"}, "minItems": 1}}}""",
            tool.Schema!.Value.GetRawText());
    }

    [Fact]
    public void Names_may_be_spelled_with_underscores()
    {
        var read = ReadRequest("""
            {"system_instruction": "Hi", "contents": [{"parts": [{"inline_data": {"mime_type": "application/pdf", "data": "QQ=="}}]}],
             "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"any_of": 1}}]}],
             "generation_config": {"max_output_tokens": "5", "thinking_config": {"thinking_level": "HIGH"}}}
            """);

        Assert.Equal("Hi", read.System[0].Text);
        Assert.Equal(new MediaPart(MediaKind.Document, "application/pdf", "QQ==", null), read.Turns[0].Parts[0]);
        Assert.Equal("""{"any_of": 1}""", read.Tools[0].Schema!.Value.GetRawText());
        Assert.Equal(5, read.MaxOutputTokens);
        Assert.Equal("high", read.Reasoning!.Effort);
    }

    [Fact]
    public void Responses_belong_to_calls_by_their_ids_or_else_by_their_names_in_order()
    {
        var read = ReadRequest("""
            {"contents": [
              {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"id": "own", "name": "f"}}, {"functionCall": {"name": "g"}}, {"functionCall": {"name": "f"}}]},
              {"role": "function", "parts": [{"functionResponse": {"name": "g"}}, {"functionResponse": {"id": "own", "name": "f"}},
                {"functionResponse": {"name": "f", "response": {"a": 1}}}, {"functionResponse": {"name": "f"}}]}]}
            """);

        Assert.Equal(["gemini_2", "own", "gemini_0", "gemini_3"], read.Turns[1].Parts.Cast<ToolResultPart>().Select(result => result.CallId));
        Assert.Equal([new TextPart("""{"a": 1}""")], ((ToolResultPart)read.Turns[1].Parts[2]).Content);
    }

    [Theory]
    [InlineData("?alt=sse", false)]
    [InlineData("", true)]
    public void A_stream_without_events_is_an_array(string query, bool isArray) =>
        Assert.Equal(isArray, ReadRequest("""{"contents":[]}""", query: query, streaming: true).StreamsAsArray);

    [Theory]
    [InlineData("""{"cachedContent": "x"}""", "cachedContent: ")]
    [InlineData("""{"tools": [{"functionDeclarations": []}, {"google_search": {}}]}""", "tools[1].googleSearch: ")]
    [InlineData("""{"tools": [null]}""", "tools[0]: ")]
    [InlineData("""{"contents": [{"parts": [{"fileData": {"fileUri": "gs://a/b"}}]}]}""", "contents[0].parts[0].fileData.fileUri: ")]
    [InlineData("""{"contents": [{"parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}]}]}""", "contents[0].parts[0].fileData.fileUri: ")]
    [InlineData("""{"contents": [{"parts": [{"unheardOf": 1}]}]}""", "contents[0].parts[0]: ")]
    [InlineData("""{"contents": [{"role": "king", "parts": []}]}""", "contents[0].role: ")]
    [InlineData("""{"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]}""", "contents[0].parts[0].functionResponse: ")]
    [InlineData("""{"contents": "x"}""", "contents: ")]
    [InlineData("""{"generationConfig": {"candidateCount": 2}}""", "generationConfig.candidateCount: ")]
    [InlineData("""{"generationConfig": {"responseModalities": ["IMAGE"]}}""", "generationConfig.responseModalities: ")]
    [InlineData("""{"generationConfig": {"temperature": "hot"}}""", "generationConfig.temperature: ")]
    [InlineData("""{"generationConfig": {"responseMimeType": "text/x.enum"}}""", "generationConfig.responseMimeType: ")]
    [InlineData("[]", "The request body: ")]
    [InlineData("{", "The request body is not JSON")]
    public void What_cannot_be_carried_is_refused_by_its_name(string body, string begins) => Assert.StartsWith(begins, Refused(body), StringComparison.Ordinal);

    [Fact]
    public void Several_allowed_functions_leave_out_the_others()
    {
        var read = ReadRequest("""
            {"tools": [{"functionDeclarations": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}],
             "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "c"]}}}
            """);

        Assert.Equal(["a", "c"], read.Tools.Select(tool => tool.Name));
        Assert.Equal(ToolChoice.Any, read.ToolChoice);
    }

    [Theory]
    [InlineData("ccgate.anthropic.abc", false)]
    [InlineData("ccgate.anthropic.a+b/c_d-e==", true)]
    [InlineData("ccgate.gemini.c2ln", false)]
    public void A_signature_of_any_maker_survives_a_client_that_takes_Base64_only(string marked, bool isRedacted)
    {
        var answer = new Answer("r", "m");
        answer.Parts.Add(new ThinkingPart("why", marked) { IsRedacted = isRedacted });
        var told = JsonElement.Parse(Written(json => CCGate.Proxy.Translation.Gemini.GeminiProtocol.Instance.WriteAnswer(answer, new Conversation { Model = "m" }, json)));
        var part = told.GetProperty("candidates")[0].GetProperty("content").GetProperty("parts")[0];

        Assert.True(part.GetProperty("thoughtSignature").TryGetBytesFromBase64(out _));
        var read = ReadRequest($$"""{"contents": [{"role": "model", "parts": [{{part.GetRawText()}}]}]}""");
        Assert.Equal(new ThinkingPart("why", marked) { IsRedacted = isRedacted }, read.Turns[0].Parts[0]);
    }

    [Fact]
    public void Hostile_requests_are_read_or_refused()
    {
        var random = new Random(1);
        var nested = string.Concat(Enumerable.Repeat("{\"properties\":{\"a\":", 300)) + "{}" + string.Concat(Enumerable.Repeat("}}", 300));
        ReadOrRefuse(Encoding.UTF8.GetBytes($$"""{"tools":[{"functionDeclarations":[{"name":"f","parameters":{{nested}}}]}]}"""));
        foreach (var seed in new[] { "{\"contents\":[{\"parts\":[{\"text\":\"\\ud800\"}]}]}", new string('[', 1000), "{\"contents\":[[]]}", "{\"contents\":[{\"parts\":[{\"text\":null}]}]}" })
        {
            ReadOrRefuse(Encoding.UTF8.GetBytes(seed));
        }

        var whole = Encoding.UTF8.GetBytes(Full);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = whole[..(random.Next(3) == 0 ? random.Next(whole.Length) : whole.Length)];
            for (var change = 0; change < 3 && bytes.Length > 0; change++)
            {
                bytes[random.Next(bytes.Length)] = (byte)"{}[]\",:0nt\\é"[random.Next(12)];
            }

            ReadOrRefuse(bytes);
        }
    }

    private static void ReadOrRefuse(byte[] bytes)
    {
        try
        {
            ReadRequest(Encoding.UTF8.GetString(bytes));
        }
        catch (RefusedException)
        {
            // As it should.
        }
    }
}
