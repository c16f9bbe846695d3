using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.ResponsesFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class ResponsesRequestTests
{
    private const string Codex =
        """
        {"model":"m","instructions":"Be brief.","stream":true,"store":false,"parallel_tool_calls":true,"tool_choice":"auto","prompt_cache_key":"k","client_metadata":{"a":1},
         "include":["reasoning.encrypted_content"],"reasoning":{"effort":"high","summary":"auto"},"text":{"verbosity":"low"},
         "tools":[{"type":"function","name":"exec","description":"Runs.","strict":false,"parameters":{"type":"object","properties":{"cmd":{"type":"string"}}}},
                  {"type":"custom","name":"apply_patch","description":"Patches.","format":{"type":"grammar","syntax":"lark","definition":"start: X"}},
                  {"type":"namespace","name":"mcp__x","description":"X.","tools":[{"type":"function","name":"find","parameters":{"type":"object"}}]},
                  {"type":"local_shell"},{"type":"tool_search","execution":"client","description":"Finds.","parameters":{"type":"object"}},
                  {"type":"web_search","external_web_access":false},{"type":"image_generation","output_format":"png"}],
         "input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"Rules."}]},
                  {"type":"message","role":"user","content":[{"type":"input_text","text":"Look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"high"}]},
                  {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"ENC"},
                  {"type":"reasoning","summary":[],"encrypted_content":"call:ccgate.gemini.SIG"},
                  {"type":"function_call","call_id":"c1","name":"find","namespace":"mcp__x","arguments":"{\"q\":1}"},
                  {"type":"custom_tool_call","call_id":"c2","name":"apply_patch","input":"*** Begin"},
                  {"type":"message","role":"user","content":"wait"},
                  {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"found"}]},
                  {"type":"custom_tool_call_output","call_id":"c2","output":"done"},
                  {"role":"assistant","content":[{"type":"output_text","text":"Yes."}]},
                  {"type":"web_search_call","id":"ws_1","status":"completed"},
                  {"type":"message","role":"developer","content":"Mid."},
                  {"type":"message","role":"user","content":"Go"}]}
        """;

    [Fact]
    public void What_Codex_asks_is_read()
    {
        var losses = new Losses();
        var read = Read(Codex, losses);

        Assert.Equal(["Be brief.", "Rules."], read.System.Select(part => part.Text));
        Assert.Equal([Role.User, Role.Assistant, Role.User, Role.Assistant, Role.System, Role.User], read.Turns.Select(turn => turn.Role));
        Assert.Equal(new MediaPart(MediaKind.Image, "image/png", "AAAA", null) { Detail = "high" }, read.Turns[0].Parts[1]);
        Assert.Equal(
            [
                new ThinkingPart("Hm", "ccgate.responses.rs_1|ENC"),
                new ToolCallPart("c1", "mcp__x__find", "{\"q\":1}") { Signature = "ccgate.gemini.SIG" },
                new ToolCallPart("c2", "apply_patch", "*** Begin"),
            ],
            read.Turns[1].Parts);
        Assert.Equal(["mcp__x__find", "apply_patch"], read.Turns[2].Parts.OfType<ToolResultPart>().Select(result => read.ToolCalled(result.CallId)));
        Assert.Equal("wait", Assert.IsType<TextPart>(read.Turns[2].Parts[2]).Text);
        Assert.Equal(["exec", "apply_patch", "mcp__x__find", "local_shell", "tool_search"], read.Tools.Select(tool => tool.Name));
        Assert.Equal("Patches.\n\nThe input must follow this lark grammar:\nstart: X", read.Tools[1].Description);
        Assert.True(read.Tools[1].IsFreeForm);
        Assert.Equal(new ToolOrigin("function", "mcp__x", "find"), read.Tools[2].Origin);
        Assert.Equal(new Reasoning("high", null) { Shown = true }, read.Reasoning);
        Assert.Equal("low", read.Verbosity);
        Assert.Equal(["tools.web_search", "tools.image_generation", "input.web_search_call", "prompt_cache_key", "client_metadata"], losses.Dropped);
    }

    [Fact]
    public void What_was_asked_is_written_again()
    {
        var conversation = Read(Codex);
        conversation.Model = "gpt-5-codex";

        var written = Write(conversation);

        AssertJson(
            """
            {"model":"gpt-5-codex","instructions":"Be brief.\n\nRules.","input":[
              {"type":"message","role":"user","content":[{"type":"input_text","text":"Look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"high"}]},
              {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"ENC"},
              {"type":"function_call","call_id":"c1","name":"mcp__x__find","arguments":"{\"q\":1}"},
              {"type":"custom_tool_call","call_id":"c2","name":"apply_patch","input":"*** Begin"},
              {"type":"function_call_output","call_id":"c1","output":"found"},
              {"type":"custom_tool_call_output","call_id":"c2","output":"done"},
              {"type":"message","role":"user","content":[{"type":"input_text","text":"wait"}]},
              {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Yes."}]},
              {"type":"message","role":"developer","content":[{"type":"input_text","text":"Mid."}]},
              {"type":"message","role":"user","content":[{"type":"input_text","text":"Go"}]}],
             "tools":[{"type":"function","name":"exec","description":"Runs.","parameters":{"type":"object","properties":{"cmd":{"type":"string"}}},"strict":false},
              {"type":"custom","name":"apply_patch","description":"Patches.\n\nThe input must follow this lark grammar:\nstart: X"},
              {"type":"function","name":"mcp__x__find","parameters":{"type":"object"},"strict":false},
              {"type":"function","name":"local_shell","description":"Runs a command on the user's machine.","parameters":{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},"env":{"type":"object","additionalProperties":{"type":"string"}}},"required":["command"]},"strict":false},
              {"type":"function","name":"tool_search","description":"Finds.","parameters":{"type":"object"},"strict":false}],
             "parallel_tool_calls":true,"reasoning":{"effort":"high","summary":"auto"},"text":{"verbosity":"low"},
             "include":["reasoning.encrypted_content"],"store":false,"stream":true}
            """,
            written);
    }

    [Fact]
    public void A_request_from_elsewhere_is_written_with_what_this_protocol_wants()
    {
        var conversation = new Conversation
        {
            Model = "gpt",
            MaxOutputTokens = 5,
            TopK = 3,
            Seed = 1,
            Temperature = 0.5,
            User = new string('u', 65),
            ToolChoice = ToolChoice.One,
            ChosenTool = "a.b",
            Format = new OutputFormat(null, JsonElement.Parse("""{"type":"object"}"""), true),
            Logprobs = 2,
            ServiceTier = "standard_only",
        };
        conversation.Tools.Add(new Tool("a.b", null, null));
        conversation.Add(Role.Assistant, new ThinkingPart("foreign", "ccgate.anthropic.x"));
        conversation.Add(Role.Assistant, new ToolCallPart("c", "a.b", string.Empty));
        conversation.Add(Role.User, new ToolResultPart("c", [new MediaPart(MediaKind.Image, "image/png", "AA", null)], IsError: true));
        conversation.Add(Role.User, new MediaPart(MediaKind.Document, "application/pdf", "BB", null) { Name = "x.pdf" });
        conversation.Add(Role.User, new MediaPart(MediaKind.Document, "text/plain", "aGk=", null));
        conversation.Add(Role.User, new MediaPart(MediaKind.Document, null, null, new Uri("https://x.y/z.pdf")) { Cache = new CacheMarker(null) });
        var losses = new Losses();
        var name = ToolNames.Fit("a.b");
        var user = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(conversation.User)));

        AssertJson(
            """
            {"model":"gpt","input":[
              {"type":"function_call","call_id":"c","name":"NAME","arguments":"{}"},
              {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"Error: "},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"auto"}]},
              {"type":"message","role":"user","content":[{"type":"input_file","filename":"x.pdf","file_data":"data:application/pdf;base64,BB"},
                {"type":"input_text","text":"hi"},{"type":"input_file","file_url":"https://x.y/z.pdf"}]}],
             "tools":[{"type":"function","name":"NAME","parameters":{"type":"object","properties":{}},"strict":false}],
             "tool_choice":{"type":"function","name":"NAME"},"max_output_tokens":16,"temperature":0.5,
             "safety_identifier":"USER","service_tier":"default",
             "text":{"format":{"type":"json_schema","name":"answer","schema":{"type":"object"},"strict":true}},
             "top_logprobs":2,"include":["message.output_text.logprobs"],"store":false,"stream":false}
            """.Replace("NAME", name, StringComparison.Ordinal).Replace("USER", user, StringComparison.Ordinal),
            Write(conversation, losses));
        Assert.Equal(["top_k", "seed", "cache_control"], losses.Dropped);
        Assert.Matches("^a_b_[0-9a-f]{8}$", name);
    }

    [Theory]
    [InlineData("gpt-4o", "high", null, """{"model":"gpt-4o","input":[],"store":false,"stream":false}""", "thinking")]
    [InlineData("gpt-4o", "none", null, """{"model":"gpt-4o","input":[],"store":false,"stream":false}""", null)]
    [InlineData("gpt-4o", null, true, """{"model":"gpt-4o","input":[],"store":false,"stream":false}""", null)]
    [InlineData("o3", "max", null, """{"model":"o3","input":[],"reasoning":{"effort":"high"},"include":["reasoning.encrypted_content"],"store":false,"stream":false}""", null)]
    [InlineData("gpt-5.2", "max", true, """{"model":"gpt-5.2","input":[],"reasoning":{"effort":"xhigh","summary":"auto"},"include":["reasoning.encrypted_content"],"store":false,"stream":false}""", null)]
    [InlineData("gpt-5.2", "none", null, """{"model":"gpt-5.2","input":[],"reasoning":{"effort":"none"},"store":false,"stream":false}""", null)]
    [InlineData("gpt-5", null, true, """{"model":"gpt-5","input":[],"reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"],"store":false,"stream":false}""", null)]
    public void Reasoning_is_asked_for_as_the_model_knows_it(string model, string? effort, bool? shown, string expected, string? dropped)
    {
        var losses = new Losses();

        AssertJson(expected, Write(new Conversation { Model = model, Reasoning = new Reasoning(effort, null) { Shown = shown } }, losses));

        Assert.Equal(dropped is null ? [] : [dropped], losses.Dropped);
    }

    [Fact]
    public void A_cache_marker_is_named_wherever_it_stands()
    {
        var system = new Conversation { Model = "gpt" };
        system.System.Add(new TextPart("s") { Cache = new CacheMarker(null) });
        var tool = new Conversation { Model = "gpt" };
        tool.Tools.Add(new Tool("f", null, null) { Cache = new CacheMarker("1h") });
        var result = new Conversation { Model = "gpt" };
        result.Add(Role.User, new ToolResultPart("c", [new TextPart("t") { Cache = new CacheMarker(null) }], IsError: false));

        foreach (var conversation in (Conversation[])[system, tool, result])
        {
            var losses = new Losses();
            Write(conversation, losses);
            Assert.Equal(["cache_control"], losses.Dropped);
        }
    }

    [Fact]
    public void Stop_sequences_sound_and_media_of_the_models_are_refused()
    {
        var stopping = new Conversation { Model = "m" };
        stopping.StopSequences.Add("x");
        var hearing = new Conversation { Model = "m" };
        hearing.Add(Role.User, new MediaPart(MediaKind.Audio, "audio/wav", "AA", null));
        var drawn = new Conversation { Model = "m" };
        drawn.Add(Role.Assistant, new MediaPart(MediaKind.Image, "image/png", "AA", null));

        Assert.StartsWith("stop_sequences:", Refused(() => Write(stopping)), StringComparison.Ordinal);
        Assert.StartsWith("messages:", Refused(() => Write(hearing)), StringComparison.Ordinal);
        Assert.StartsWith("messages:", Refused(() => Write(drawn)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"input":"x","previous_response_id":"resp_1"}""", "previous_response_id:")]
    [InlineData("""{"input":"x","conversation":{"id":"c"}}""", "conversation:")]
    [InlineData("""{"input":"x","background":true}""", "background:")]
    [InlineData("""{"input":"x","prompt":{"id":"p"}}""", "prompt:")]
    [InlineData("""{}""", "input:")]
    [InlineData("""{"input":7}""", "input:")]
    [InlineData("""{"input":[null]}""", "input[0]:")]
    [InlineData("""{"input":[{"type":"item_reference","id":"x"}]}""", "input[0]:")]
    [InlineData("""{"input":[{"type":"compaction","encrypted_content":"x"}]}""", "input[0].type:")]
    [InlineData("""{"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]}""", "input[0].content[0].file_id:")]
    [InlineData("""{"input":[{"role":"user","content":[{"type":"input_image","image_url":"ftp://x"}]}]}""", "input[0].content[0].image_url:")]
    [InlineData("""{"input":[{"role":"tool","content":"x"}]}""", "input[0].role:")]
    [InlineData("""{"input":[{"type":"function_call","name":"f","arguments":"{}"}]}""", "input[0].call_id:")]
    [InlineData("""{"input":"x","tools":[{"type":"function"}]}""", "tools[0].name:")]
    [InlineData("""{"input":"x","tools":[{"type":"mcp","server_label":"s"}]}""", "tools[0].type:")]
    [InlineData("""{"input":"x","tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"}}""", "tool_choice.type:")]
    [InlineData("""{"input":"x","tool_choice":{"type":"function","name":"f"}}""", "tool_choice.name:")]
    [InlineData("""{"input":"x","text":{"format":{"type":"json_schema","name":"n"}}}""", "text.format.schema:")]
    [InlineData("""{"input":"x","temperature":"warm"}""", "temperature:")]
    [InlineData("""{"input":"\ud800"}""", "The request body is not JSON.")]
    [InlineData("""{"input":""", "The request body is not JSON.")]
    [InlineData("[]", "The request body must be a JSON object.")]
    public void What_cannot_be_carried_is_refused_by_its_name(string body, string begins) =>
        Assert.StartsWith(begins, Refused(() => Read(body)), StringComparison.Ordinal);

    [Fact]
    public void Allowed_tools_are_the_only_ones_offered()
    {
        var read = Read(
            """
            {"input":"x","tools":[{"type":"function","name":"a"},{"type":"function","name":"b"}],
             "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"b"}]}}
            """);

        Assert.Equal("b", Assert.Single(read.Tools).Name);
        Assert.Equal(ToolChoice.Any, read.ToolChoice);
    }

    [Fact]
    public void Text_for_a_tool_that_is_no_longer_offered_becomes_json()
    {
        var read = Read("""{"input":[{"type":"custom_tool_call","call_id":"c","name":"gone","input":"a \"b\""}]}""");

        Assert.Equal("""{"input":"a \"b\""}""", Assert.IsType<ToolCallPart>(read.Turns[0].Parts[0]).Arguments);
    }

    [Fact]
    public void A_shell_call_a_search_and_what_it_found_are_read()
    {
        var read = Read(
            """
            {"input":[{"type":"local_shell_call","call_id":"s","status":"completed","action":{"type":"exec","command":["ls"],"env":{},"user":null}},
              {"type":"function_call_output","call_id":"s","output":"a"},
              {"type":"tool_search_call","call_id":"t","execution":"client","arguments":{"q":1}},
              {"type":"tool_search_output","call_id":"t","execution":"client","status":"completed","tools":[{"type":"function","name":"late"}]},
              {"type":"additional_tools","role":"developer","tools":[{"type":"namespace","name":"functions","tools":[{"type":"function","name":"more"}]}]}]}
            """);

        Assert.Equal(
            [new ToolCallPart("s", "local_shell", """{"command":["ls"],"env":{}}"""), new ToolCallPart("t", "tool_search", """{"q":1}""")],
            read.Turns.SelectMany(turn => turn.Parts).OfType<ToolCallPart>());
        Assert.Equal(["late", "more"], read.Tools.Select(tool => tool.Name));
        Assert.Null(read.Tools[1].Origin);
    }

    [Fact]
    public void What_another_provider_keeps_in_a_thought_comes_back_as_it_was()
    {
        var read = Read(
            """{"input":[{"type":"reasoning","summary":[],"encrypted_content":"redacted:ccgate.anthropic.A"},{"type":"reasoning","summary":[{"text":"t"}],"encrypted_content":"ccgate.anthropic.B"}]}""");

        Assert.Equal([new ThinkingPart(string.Empty, "ccgate.anthropic.A") { IsRedacted = true }, new ThinkingPart("t", "ccgate.anthropic.B")], read.Turns[0].Parts);
    }

    [Fact]
    public void Broken_requests_are_refused_and_never_throw_anything_else()
    {
        var random = new Random(7);
        var whole = Encoding.UTF8.GetBytes(Codex);
        for (var round = 0; round < 2000; round++)
        {
            var body = whole.AsSpan(0, random.Next(2) == 0 ? whole.Length : random.Next(whole.Length)).ToArray();
            for (var change = random.Next(4); change > 0 && body.Length > 0; change--)
            {
                body[random.Next(body.Length)] = (byte)"{}[]\",:0n\\u".ElementAt(random.Next(11));
            }

            try
            {
                Write(Read(body));
            }
            catch (RefusedException)
            {
                // As it should be.
            }
        }
    }

    [Fact]
    public void A_deep_schema_is_carried_as_it_came()
    {
        var schema = string.Concat(Enumerable.Repeat("{\"a\":", 900)) + "1.50" + new string('}', 900);
        var read = Read("""{"input":"x","tools":[{"type":"function","name":"f","parameters":""" + schema + "}]}");

        Assert.Contains($"\"parameters\":{schema}", Write(read), StringComparison.Ordinal);
    }
}
