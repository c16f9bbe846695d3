using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.ChatCompletions;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class OpenAiChatRequestTests
{
    [Fact]
    public void A_conversation_with_tools_is_written_as_it_was_read()
    {
        const string Request = """
            {"model":"m","messages":[
              {"role":"system","content":"Be brief."},
              {"role":"user","content":[{"type":"text","text":"Look:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
                {"type":"image_url","image_url":{"url":"https://example.com/a.png"}},{"type":"input_audio","input_audio":{"data":"BBBB","format":"mp3"}},
                {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,CCCC"}}]},
              {"role":"assistant","content":"I see.","tool_calls":[
                {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},
                {"id":"b","type":"function","function":{"name":"g","arguments":"{}"},"extra_content":{"google":{"thought_signature":"sig"}}}]},
              {"role":"tool","tool_call_id":"a","content":"one"},
              {"role":"tool","tool_call_id":"b","content":"two"},
              {"role":"user","content":"Go on."},
              {"role":"system","content":"Now in German."},
              {"role":"assistant","content":null,"refusal":"No."}],
             "max_tokens":100,"temperature":0.5,"top_p":0.9,"frequency_penalty":0.1,"presence_penalty":0.2,"seed":7,"stop":["A","B"],"logprobs":true,"top_logprobs":3,
             "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","x":1.50},"strict":true}},{"type":"function","function":{"name":"g"}}],
             "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
             "response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"type":"object"},"strict":true}},"user":"u","service_tier":"flex"}
            """;
        var losses = new Losses();

        Same(Request, Write(Read(Request, losses), losses));
        Assert.Empty(losses.Dropped);
    }

    [Fact]
    public void Results_come_first_and_what_no_tool_message_holds_follows()
    {
        var conversation = new Conversation { Model = "m" };
        conversation.Add(Role.User, new ToolResultPart("a", [new TextPart("no"), new TextPart("way")], IsError: true));
        conversation.Add(Role.User, new ToolResultPart("b", [new MediaPart(MediaKind.Image, "image/png", "AAAA", null)], IsError: false));
        conversation.Add(Role.User, new TextPart("And?"));

        Same("""
            {"model":"m","messages":[{"role":"tool","tool_call_id":"a","content":"Error: no\nway"},{"role":"tool","tool_call_id":"b","content":"The result follows."},
             {"role":"user","content":[{"type":"text","text":"The result of the tool call b:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
             {"role":"user","content":"And?"}]}
            """, Write(conversation));
    }

    [Theory]
    [InlineData("gpt-4o", "max_tokens")]
    [InlineData("deepseek-chat", "max_tokens")]
    [InlineData("omni", "max_tokens")]
    [InlineData("gpt-oss-120b", "max_tokens")]
    [InlineData("o3-mini", "max_completion_tokens")]
    [InlineData("openai/gpt-5.1-codex", "max_completion_tokens")]
    [InlineData("gpt-5-chat-latest", "max_completion_tokens")]
    [InlineData("gpt-6-luna", "max_completion_tokens")]
    [InlineData("gpt-10", "max_completion_tokens")]
    public void The_limit_has_the_name_that_the_model_takes(string model, string name)
    {
        var written = Write(new Conversation { Model = model, MaxOutputTokens = 5 });

        Same($$"""{"model":"{{model}}","messages":[],"{{name}}":5}""", written);
    }

    [Theory]
    [InlineData("o3", "max", "high")]
    [InlineData("o3", "none", "low")]
    [InlineData("gpt-5", "none", "minimal")]
    [InlineData("gpt-5.1", "minimal", "low")]
    [InlineData("gpt-5.1", "none", "none")]
    [InlineData("gpt-5.2", "max", "xhigh")]
    [InlineData("gpt-6.1-sol", "medium", "medium")]
    [InlineData("gpt-5.1-codex", "none", "low")]
    [InlineData("gpt-5.1-codex-max", "max", "xhigh")]
    [InlineData("gpt-5-pro", "low", "high")]
    [InlineData("gpt-5.4-pro", "none", "medium")]
    [InlineData("codex-mini-latest", "xhigh", "high")]
    public void An_effort_is_the_nearest_that_the_model_takes(string model, string wanted, string written) =>
        Assert.Equal(written, Write(new Conversation { Model = model, Reasoning = new Reasoning(wanted, null) }).GetProperty("reasoning_effort").GetString());

    [Theory]
    [InlineData("gpt-5.6", "none", true)]
    [InlineData("openai/gpt-5.6", "high", false)]
    [InlineData("gpt-5", "high", false)]
    [InlineData("gpt-4o", null, true)]
    public void An_effort_that_would_be_refused_is_left_out(string model, string? written, bool isDropped)
    {
        var conversation = new Conversation { Model = model, Reasoning = new Reasoning(null, 20_000) };
        conversation.Tools.Add(new Tool("f", null, null));
        var losses = new Losses();

        var request = Write(conversation, losses);

        Assert.Equal(written, request.TryGetProperty("reasoning_effort", out var effort) ? effort.GetString() : null);
        Assert.Equal(isDropped ? ["thinking"] : [], losses.Dropped);
    }

    [Theory]
    [InlineData("o3", null, false)]
    [InlineData("gpt-5-mini", "minimal", false)]
    [InlineData("openai/gpt-5.1", "low", false)]
    [InlineData("gpt-5.1-chat-latest", null, false)]
    [InlineData("gpt-5.1", null, true)]
    [InlineData("gpt-5.2", "none", true)]
    [InlineData("gpt-5.5", null, false)]
    [InlineData("gpt-5-chat-latest", null, true)]
    [InlineData("gpt-4.1", null, true)]
    [InlineData("deepseek-reasoner", null, true)]
    public void Sampling_that_a_reasoning_model_refuses_is_dropped(string model, string? effort, bool isKept)
    {
        var conversation = new Conversation { Model = model, Temperature = 0.5, TopP = 0.9, Logprobs = 2, Reasoning = effort is null ? null : new Reasoning(effort, null) };
        foreach (var write in (Func<Losses, JsonElement>[])[losses => Write(conversation, losses), losses => JsonElement.Parse(ResponsesFixture.Write(conversation, losses))])
        {
            var losses = new Losses();

            var request = write(losses);

            Assert.Equal(isKept, request.TryGetProperty("temperature", out _));
            Assert.Equal(isKept, request.TryGetProperty("top_p", out _));
            Assert.Equal(isKept, request.TryGetProperty("top_logprobs", out _));
            Assert.Equal(isKept ? [] : ["temperature", "top_p", "logprobs"], losses.Dropped);
        }
    }

    [Fact]
    public void Defaults_that_a_reasoning_model_refuses_are_left_out_without_a_word()
    {
        var losses = new Losses();

        Same("""{"model":"o4-mini","messages":[]}""", Write(new Conversation { Model = "o4-mini", Temperature = 1, TopP = 1, PresencePenalty = 0, FrequencyPenalty = 0 }, losses));

        Assert.Empty(losses.Dropped);
    }

    [Fact]
    public void Penalties_are_dropped_for_reasoning_models_even_without_effort()
    {
        var losses = new Losses();

        Write(new Conversation { Model = "gpt-5.1", PresencePenalty = 0.5, FrequencyPenalty = 0.5, Reasoning = new Reasoning("none", null) }, losses);

        Assert.Equal(["frequency_penalty", "presence_penalty"], losses.Dropped);
    }

    [Theory]
    [InlineData("o3", false)]
    [InlineData("o4-mini", false)]
    [InlineData("gpt-5.2", false)]
    [InlineData("o3-mini", true)]
    [InlineData("o1-2024-12-17", true)]
    [InlineData("gpt-4o", true)]
    [InlineData("qwen3", true)]
    public void Stop_sequences_that_a_model_refuses_are_refused_before_it_is_asked(string model, bool isTaken)
    {
        var conversation = new Conversation { Model = model };
        conversation.StopSequences.Add("END");

        if (isTaken)
        {
            Assert.Equal("END", Write(conversation).GetProperty("stop")[0].GetString());
        }
        else
        {
            Assert.StartsWith("stop:", Assert.Throws<RefusedException>(() => Write(conversation)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Whether_thoughts_are_shown_says_nothing_about_how_much_is_thought()
    {
        var conversation = new Conversation { Model = "gpt-5", Reasoning = new Reasoning(null, null) { Shown = true } };

        Same("""{"model":"gpt-5","messages":[]}""", Write(conversation));
    }

    [Theory]
    [InlineData("deepseek-reasoner", null, "Hm.")]
    [InlineData("Kimi-K2", "ccgate.openai.s", "Hm.")]
    [InlineData("deepseek-reasoner", "ccgate.anthropic.s", null)]
    [InlineData("gpt-5", null, null)]
    public void Thoughts_are_told_again_to_models_that_read_them(string model, string? signature, string? told)
    {
        var conversation = new Conversation { Model = model };
        conversation.Add(Role.Assistant, new ThinkingPart("Hm.", signature));
        conversation.Add(Role.Assistant, new TextPart("Yes."));

        var message = Write(conversation).GetProperty("messages")[0];

        Assert.Equal(told, message.TryGetProperty("reasoning_content", out var reasoning) ? reasoning.GetString() : null);
        Assert.Equal("Yes.", message.GetProperty("content").GetString());
    }

    [Fact]
    public void The_thoughts_of_a_client_come_back_with_their_signatures()
    {
        var turn = Read("""
            {"messages":[{"role":"assistant","reasoning_content":"First.?Second.","reasoning_signature":"ccgate.anthropic.A#0,6;ccgate.anthropic.R#r;own#7,7;","content":"Yes."}]}
            """).Turns[0];

        Assert.Equal(
            [
                new ThinkingPart("First.", "ccgate.anthropic.A"), new ThinkingPart("", "ccgate.anthropic.R") { IsRedacted = true },
                new ThinkingPart("?", null), new ThinkingPart("Second.", "ccgate.openai.own"), new TextPart("Yes."),
            ],
            turn.Parts);
    }

    [Theory]
    [InlineData("s", "Hm.", "ccgate.openai.s")]
    [InlineData("s#9,9", "Hm.", "ccgate.openai.s")]
    [InlineData("ccgate.gemini.s#-1,x", "Hm.", "ccgate.gemini.s")]
    public void A_signature_without_a_place_is_that_of_all_thoughts(string signature, string text, string marked) =>
        Assert.Equal(
            [new ThinkingPart(text, marked)],
            Read($$"""{"messages":[{"role":"assistant","reasoning_content":"{{text}}","reasoning_signature":"{{signature}}"}]}""").Turns[0].Parts);

    [Fact]
    public void Functions_from_before_there_were_tools_are_tools()
    {
        var conversation = Read("""
            {"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"},
             {"role":"assistant","content":null,"function_call":{"name":"f","arguments":""}},{"role":"function","name":"f","content":"one"}],
             "functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"}}
            """);

        Assert.Equal("Be brief.", Assert.Single(conversation.System).Text);
        Assert.Equal("f", Assert.Single(conversation.Tools).Name);
        Assert.Equal((ToolChoice.One, "f", true), (conversation.ToolChoice, conversation.ChosenTool, conversation.UsesFunctions));
        Assert.Equal(new ToolCallPart("call_2", "f", "{}"), Assert.Single(conversation.Turns[1].Parts));
        Assert.Equal("call_2", Assert.IsType<ToolResultPart>(Assert.Single(conversation.Turns[2].Parts)).CallId);
    }

    [Fact]
    public void A_tool_that_takes_text_is_a_function_where_there_is_no_such_tool()
    {
        const string Request = """
            {"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"custom","custom":{"name":"patch","input":"say \"x\""}}]}],
             "tools":[{"type":"custom","custom":{"name":"patch","description":"d","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}}}]}
            """;

        var custom = Write(Read(Request, model: "gpt-5"));
        var function = Write(Read(Request, model: "gpt-4o"));

        Same("""[{"type":"custom","custom":{"name":"patch","description":"d\n\nThe input follows this grammar (lark):\nstart: x"}}]""", custom.GetProperty("tools"));
        Same("""{"name":"patch","input":"say \"x\""}""", custom.GetProperty("messages")[0].GetProperty("tool_calls")[0].GetProperty("custom"));
        Same("""{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}""",
            function.GetProperty("tools")[0].GetProperty("function").GetProperty("parameters"));
        Same("""{"input":"say \"x\""}""", JsonElement.Parse(function.GetProperty("messages")[0].GetProperty("tool_calls")[0].GetProperty("function").GetProperty("arguments").GetString()!));
    }

    [Fact]
    public void Only_allowed_tools_are_offered()
    {
        var conversation = ReadWith("""
            "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
            "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}
            """);

        Assert.Equal(("g", ToolChoice.Any), (Assert.Single(conversation.Tools).Name, conversation.ToolChoice));
    }

    [Fact]
    public void What_means_nothing_elsewhere_is_dropped_by_name()
    {
        var losses = new Losses();

        var conversation = ReadWith(
            """ "store":true,"metadata":{},"logit_bias":{},"prediction":null,"bad\r\nname":1,"n":1,"modalities":["text"],"safety_identifier":"s","user":"u","stream_options":{"include_usage":true} """, losses);

        Assert.Equal(["store", "metadata", "logit_bias", "a member of the body"], losses.Dropped);
        Assert.Equal(("s", true), (conversation.User, conversation.IncludeUsage));
    }

    [Theory]
    [InlineData(""" "n":2 """, "n:")]
    [InlineData(""" "temperature":"hot" """, "temperature:")]
    [InlineData(""" "max_tokens":{} """, "max_tokens:")]
    [InlineData(""" "stop":[1] """, "stop:")]
    [InlineData(""" "modalities":["text","audio"] """, "modalities:")]
    [InlineData(""" "audio":{} """, "audio:")]
    [InlineData(""" "web_search_options":{} """, "web_search_options:")]
    [InlineData(""" "response_format":{"type":"xml"} """, "response_format.type:")]
    [InlineData(""" "response_format":"json" """, "response_format:")]
    [InlineData(""" "tools":[{"type":"mcp"}] """, "tools[0].type:")]
    [InlineData(""" "tools":[null] """, "tools[0]:")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":1}}] """, "tools[0].function.name:")]
    [InlineData(""" "tool_choice":"some" """, "tool_choice:")]
    public void What_cannot_be_carried_is_refused_by_name(string members, string field) =>
        Assert.StartsWith(field, Assert.Throws<RefusedException>(() => ReadWith(members)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"role":"user","content":[{"type":"file","file":{"file_id":"x"}}]}""", "messages[0].content[0].file.file_id:")]
    [InlineData("""{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///x"}}]}""", "messages[0].content[0].image_url.url:")]
    [InlineData("""{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:text/plain,x"}}]}""", "messages[0].content[0].image_url.url:")]
    [InlineData("""{"role":"user","content":[{"type":"video_url"}]}""", "messages[0].content[0].type:")]
    [InlineData("""{"role":"user","content":7}""", "messages[0].content:")]
    [InlineData("""{"role":"robot","content":"x"}""", "messages[0].role:")]
    [InlineData("""{"role":"tool","content":"x"}""", "messages[0].tool_call_id:")]
    [InlineData("""{"role":"function","name":"f","content":"x"}""", "messages[0].name:")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"a","function":null}]}""", "messages[0].tool_calls[0].function:")]
    [InlineData("null", "messages[0]:")]
    public void A_message_that_cannot_be_carried_is_refused_by_its_place(string message, string field) =>
        Assert.StartsWith(field, Assert.Throws<RefusedException>(() => Read($$"""{"messages":[{{message}}]}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void Media_that_chat_completions_do_not_take_are_refused()
    {
        var address = new Uri("https://example.com/a");
        foreach (var media in (MediaPart[])[new(MediaKind.Video, "video/mp4", "AAAA", null), new(MediaKind.Document, null, null, address), new(MediaKind.Audio, "audio/ogg", "AAAA", null), new(MediaKind.Document, "text/plain", "?", null)])
        {
            var conversation = new Conversation { Model = "m" };
            conversation.Add(Role.User, media);

            Assert.Throws<RefusedException>(() => Write(conversation));
        }
    }

    [Fact]
    public void A_stream_is_always_asked_for_its_usage() =>
        Same("""{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}""", Write(new Conversation { Model = "m", Streaming = true }));

    [Fact]
    public void Nesting_of_a_thousand_levels_is_carried_and_deeper_is_refused()
    {
        static string Tools(int depth) =>
            """ "tools":[{"type":"function","function":{"name":"f","parameters":{"a":""" + new string('[', depth) + new string(']', depth) + "}}}] ";

        Assert.NotNull(ReadWith(Tools(1000)).Tools[0].Schema);
        Assert.Throws<RefusedException>(() => ReadWith(Tools(2000)));
    }

    [Fact]
    public void Names_that_fit_stay_and_others_are_told_apart()
    {
        var longer = new string('a', 70);
        var fitted = ToolNames.Fit(longer, 64);
        List<Tool> tools = [new("plain", null, null), new(longer + "b", null, null), new(longer, null, null), new("mcp.tool/ü", null, null)];

        Assert.Equal("plain", ToolNames.Fit("plain", 64));
        Assert.Equal((64, fitted), (fitted.Length, ToolNames.Fit(longer, 64)));
        Assert.NotEqual(fitted, ToolNames.Fit(longer + "b", 64));
        Assert.Matches("^mcp_tool___[0-9a-f]{8}$", ToolNames.Fit("mcp.tool/ü", 64));
        foreach (var tool in tools)
        {
            Assert.Equal(tool.Name, ToolNames.Restore(tools, ToolNames.Fit(tool.Name, 64)));
        }

        Assert.Equal("unknown", ToolNames.Restore(tools, "unknown"));
    }

    [Fact]
    public void Broken_requests_are_refused_and_nothing_else()
    {
        const string Request = """
            {"messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},
             {"role":"assistant","reasoning_signature":"a#0,0;","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"x\u00e9"}],
             "tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"stop":["a"],"response_format":{"type":"json_schema","json_schema":{"schema":{}}}}
            """;
        var random = new Random(7);
        for (var round = 0; round < 3000; round++)
        {
            try
            {
                Write(Read(Hostile.Mutate(Request, random)));
            }
            catch (RefusedException)
            {
                // As it should be.
            }
        }
    }
}
