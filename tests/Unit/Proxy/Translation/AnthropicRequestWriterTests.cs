using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.Anthropic;
using static CCGate.Tests.Unit.Proxy.Translation.AnthropicTranslation;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Requests of other protocols' clients as they are written for the Messages API.</summary>
public sealed class AnthropicRequestWriterTests
{
    private static readonly Tool Weather = new("weather", null, null);

    [Fact]
    public void What_is_not_said_is_what_the_model_surely_allows()
    {
        AssertSame("""{"model":"claude-opus-4-1","max_tokens":32000,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}""", Write(Ask("claude-opus-4-1")));
    }

    [Fact]
    public void Instructions_in_the_middle_are_the_user_s_and_results_come_first()
    {
        var conversation = new Conversation { Model = "claude-sonnet-4-5", MaxOutputTokens = 10, Tools = { Weather } };
        conversation.Add(Role.Assistant, new ToolCallPart("a.b", "weather", "{}"));
        conversation.Add(Role.System, new TextPart("be brief"));
        conversation.Add(Role.User, new TextPart("also"));
        conversation.Add(Role.User, new ToolResultPart("a.b", [new TextPart("sun"), new TextPart(" ")], false));

        var id = AnthropicParts.CallId("a.b");
        Assert.Matches("^a_b_[0-9a-f]{16}$", id);
        Assert.NotEqual(id, AnthropicParts.CallId("a:b"));
        AssertSame(
            """
            {"model":"claude-sonnet-4-5","max_tokens":10,"messages":[
              {"role":"assistant","content":[{"type":"tool_use","id":"ID","name":"weather","input":{}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"ID","content":[{"type":"text","text":"sun"}]},
                {"type":"text","text":"<system>\nbe brief\n</system>"},{"type":"text","text":"also"}]}],
             "tools":[{"name":"weather","input_schema":{"type":"object","properties":{}}}]}
            """.Replace("ID", id, StringComparison.Ordinal),
            Write(conversation));
    }

    [Theory]
    [InlineData("claude-sonnet-4-5", "high", 64000, """{"type":"enabled","budget_tokens":24576}""", null)]
    [InlineData("claude-sonnet-4-5", "high", 3000, """{"type":"enabled","budget_tokens":1500}""", null)]
    [InlineData("claude-sonnet-4-5", "low", 1024, null, null)]
    [InlineData("claude-3-5-haiku-20241022", "high", 8000, null, null)]
    [InlineData("claude-opus-4-6", "xhigh", 64000, """{"type":"adaptive"}""", "high")]
    [InlineData("claude-opus-5", "xhigh", 64000, """{"type":"adaptive"}""", "xhigh")]
    [InlineData("claude-opus-5", "none", 64000, """{"type":"disabled"}""", null)]
    [InlineData("claude-opus-4-6", "none", 64000, null, null)]
    [InlineData("claude-fable-5", "none", 64000, null, "low")]
    [InlineData("claude-fable-5", "minimal", 64000, """{"type":"adaptive"}""", "low")]
    public void Each_model_is_told_to_think_in_the_way_it_knows(string model, string effort, long maxTokens, string? thinking, string? written)
    {
        var conversation = Ask(model);
        conversation.MaxOutputTokens = maxTokens;
        conversation.Reasoning = new Reasoning(effort, null);

        var json = JsonElement.Parse(Write(conversation));

        Assert.Equal(thinking, json.TryGetProperty("thinking", out var told) ? told.GetRawText() : null);
        Assert.Equal(written, json.TryGetProperty("output_config", out var config) ? config.GetProperty("effort").GetString() : null);
    }

    [Theory]
    [InlineData("claude-sonnet-4-5", null)]
    [InlineData("claude-opus-4-6", null)]
    [InlineData("claude-opus-5", """{"type":"adaptive","display":"summarized"}""")]
    public void Whether_thoughts_are_shown_does_not_turn_thinking_on(string model, string? thinking)
    {
        var conversation = Ask(model);
        conversation.Reasoning = new Reasoning(null, null) { Shown = true };
        var losses = new Losses();

        var json = JsonElement.Parse(Write(conversation, losses));

        Assert.Equal(thinking, json.TryGetProperty("thinking", out var told) ? told.GetRawText() : null);
        Assert.False(json.TryGetProperty("output_config", out _));
        Assert.Empty(losses.Dropped);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("auto", false)]
    [InlineData("high", true)]
    public void How_closely_an_image_is_looked_at_is_dropped(string? detail, bool isDropped)
    {
        var conversation = Ask("claude-sonnet-4-5");
        conversation.Add(Role.User, new ToolResultPart("c", [new MediaPart(MediaKind.Image, "image/png", "QQ==", null) { Detail = detail }], IsError: false));
        var losses = new Losses();

        Write(conversation, losses);

        Assert.Equal(isDropped ? ["detail"] : [], losses.Dropped);
    }

    [Theory]
    [InlineData("claude-sonnet-4-5", null, 0.5, 0.9, """{"temperature":0.5}""", "top_p")]
    [InlineData("claude-sonnet-4", null, 1.5, 0.9, """{"temperature":1,"top_p":0.9}""", "temperature")]
    [InlineData("claude-sonnet-4-5", "low", 0.5, 0.96, """{"top_p":0.96}""", "temperature")]
    [InlineData("claude-opus-4-7", null, 1.0, 0.5, "{}", "top_p")]
    public void Sampling_that_the_API_refuses_is_dropped(string model, string? effort, double temperature, double topP, string written, string dropped)
    {
        var conversation = Ask(model);
        (conversation.Temperature, conversation.TopP, conversation.Seed) = (temperature, topP, 7);
        conversation.Reasoning = effort is null ? null : new Reasoning(effort, null);
        var losses = new Losses();

        var json = JsonElement.Parse(Write(conversation, losses));

        AssertSame(written, JsonSerializer.Serialize(json.EnumerateObject().Where(static member => member.Name is "temperature" or "top_p").ToDictionary(static member => member.Name, static member => member.Value)));
        Assert.Equal([dropped, "seed"], losses.Dropped);
    }

    [Theory]
    [InlineData("ccgate.anthropic.S", true)]
    [InlineData("ccgate.gemini.S", false)]
    [InlineData(null, false)]
    public void A_turn_that_called_tools_without_its_own_thoughts_goes_on_without_thinking(string? signature, bool thinks)
    {
        var conversation = new Conversation { Model = "claude-sonnet-4-5", Reasoning = new Reasoning("low", null), Tools = { Weather } };
        conversation.Add(Role.User, new TextPart("?"));
        conversation.Add(Role.Assistant, new ThinkingPart("t", signature));
        conversation.Add(Role.Assistant, new ToolCallPart("1", "weather", "{}"));
        conversation.Add(Role.User, new ToolResultPart("1", [], false));
        conversation.Add(Role.Assistant, new ToolCallPart("2", "weather", "{}"));
        conversation.Add(Role.User, new ToolResultPart("2", [], false));
        var losses = new Losses();

        var json = JsonElement.Parse(Write(conversation, losses));

        Assert.Equal(thinks, json.TryGetProperty("thinking", out _));
        Assert.Equal(thinks ? 2 : 1, json.GetProperty("messages")[1].GetProperty("content").GetArrayLength());
        Assert.Equal(thinks ? [] : ["reasoning"], losses.Dropped);
    }

    [Fact]
    public void A_tool_is_forced_rather_than_thought_about()
    {
        var conversation = Ask("claude-opus-5");
        conversation.Tools.Add(Weather);
        (conversation.ToolChoice, conversation.ChosenTool, conversation.ParallelToolCalls) = (ToolChoice.One, "weather", false);
        conversation.Reasoning = new Reasoning("high", null);

        var json = JsonElement.Parse(Write(conversation));

        AssertSame("""{"type":"tool","name":"weather","disable_parallel_tool_use":true}""", json.GetProperty("tool_choice").GetRawText());
        AssertSame("""{"type":"disabled"}""", json.GetProperty("thinking").GetRawText());
    }

    [Fact]
    public void Free_form_tools_are_functions_of_one_text()
    {
        var conversation = Ask("claude-opus-5");
        conversation.Tools.Add(new Tool("patch", "d", null) { IsFreeForm = true });
        conversation.Add(Role.Assistant, new ToolCallPart("1", "patch", "*** {}"));

        var json = JsonElement.Parse(Write(conversation));

        AssertSame("""{"input":"*** {}"}""", json.GetProperty("messages")[1].GetProperty("content")[0].GetProperty("input").GetRawText());
        AssertSame("""{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}""", json.GetProperty("tools")[0].GetProperty("input_schema").GetRawText());
    }

    [Fact]
    public void Calls_without_tools_bring_their_tools_along()
    {
        var conversation = Ask("claude-opus-5");
        conversation.Add(Role.Assistant, new ToolCallPart("1", "old", "{}"));
        conversation.Add(Role.User, new ToolResultPart("1", [], IsError: true));

        var json = JsonElement.Parse(Write(conversation));

        AssertSame("""[{"name":"old","input_schema":{"type":"object","properties":{}}}]""", json.GetProperty("tools").GetRawText());
        AssertSame("""{"type":"none"}""", json.GetProperty("tool_choice").GetRawText());
        AssertSame("""[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"error"}],"is_error":true}]""", json.GetProperty("messages")[2].GetProperty("content").GetRawText());
    }

    [Fact]
    public void Any_object_is_asked_for_in_words()
    {
        var conversation = Ask("claude-opus-5");
        conversation.Format = new OutputFormat(null, null, null);
        var losses = new Losses();

        AssertSame("""[{"type":"text","text":"Answer with a JSON object only, without any text around it."}]""", JsonElement.Parse(Write(conversation, losses)).GetProperty("system").GetRawText());
        Assert.Equal(["response_format"], losses.Dropped);
    }

    [Fact]
    public void A_long_prompt_of_a_client_that_caches_nothing_itself_is_marked_where_the_next_one_begins()
    {
        var conversation = new Conversation { Model = "claude-opus-5", System = { new TextPart("a"), new TextPart(new string('x', 5000)) }, Tools = { Weather } };
        for (var i = 0; i < 3; i++)
        {
            conversation.Add(Role.User, new TextPart("q"));
            conversation.Add(Role.User, new TextPart("r"));
            conversation.Add(Role.Assistant, new TextPart("s"));
        }

        conversation.Add(Role.User, new TextPart("last"));

        Assert.Equal(["$.messages[4].content[1]", "$.messages[6].content[0]", "$.system[1]"], Marked(Write(conversation)));
        conversation.System.Clear();
        Assert.Empty(Marked(Write(conversation)));
    }

    [Fact]
    public void Of_more_than_four_markers_the_last_four_count()
    {
        var marker = new CacheMarker("1h");
        var conversation = new Conversation { Model = "claude-opus-5", System = { new TextPart("a") { Cache = marker } }, Tools = { Weather with { Cache = marker }, Weather with { Cache = marker } } };
        conversation.Add(Role.User, new TextPart("b") { Cache = marker });
        conversation.Add(Role.User, new TextPart("c") { Cache = marker });

        Assert.Equal(["$.messages[0].content[0]", "$.messages[0].content[1]", "$.system[0]", "$.tools[1]"], Marked(Write(conversation)));
        conversation.Add(Role.User, new TextPart("d") { Cache = marker });
        conversation.Add(Role.User, new TextPart("e") { Cache = marker });
        Assert.Equal(["$.messages[0].content[0]", "$.messages[0].content[1]", "$.messages[0].content[2]", "$.messages[0].content[3]"], Marked(Write(conversation)));
    }

    [Fact]
    public void A_conversation_of_instructions_only_is_the_user_s()
    {
        var conversation = new Conversation { Model = "claude-opus-5", System = { new TextPart("do") } };

        AssertSame("""{"model":"claude-opus-5","max_tokens":64000,"messages":[{"role":"user","content":[{"type":"text","text":"do"}]}]}""", Write(conversation));
        Assert.Throws<RefusedException>(() => Write(new Conversation { Model = "claude-opus-5" }));
    }

    [Fact]
    public void What_no_Claude_can_do_is_refused()
    {
        void Refused(Action<Conversation> change)
        {
            var conversation = Ask("claude-opus-5");
            change(conversation);
            Assert.Throws<RefusedException>(() => Write(conversation));
        }

        Refused(static it => it.Logprobs = 1);
        Refused(static it => it.StopSequences.Add("\n"));
        Refused(static it => it.Add(Role.User, new MediaPart(MediaKind.Audio, "audio/wav", "AA==", null)));
        Refused(static it => it.Add(Role.User, new MediaPart(MediaKind.Image, "image/tiff", "AA==", null)));
        Refused(static it => it.Add(Role.User, new MediaPart(MediaKind.Image, null, null, new Uri("gs://bucket/a.png"))));
        Refused(static it => it.Add(Role.User, new MediaPart(MediaKind.Document, "text/plain", "no base64!", null)));
        Refused(static it => it.Add(Role.Assistant, new MediaPart(MediaKind.Image, "image/png", "AA==", null)));
    }

    [Theory]
    [InlineData("auto", "auto")]
    [InlineData("priority", "auto")]
    [InlineData("default", "standard_only")]
    [InlineData("flex", null)]
    public void Tiers_are_written_in_the_API_s_words(string asked, string? written)
    {
        var conversation = Ask("claude-opus-5");
        conversation.ServiceTier = asked;

        Assert.Equal(written, JsonElement.Parse(Write(conversation)).TryGetProperty("service_tier", out var tier) ? tier.GetString() : null);
    }

    private static Conversation Ask(string model)
    {
        var conversation = new Conversation { Model = model };
        conversation.Add(Role.User, new TextPart("hi"));
        return conversation;
    }

    private static List<string> Marked(string request)
    {
        var found = new List<string>();
        Find(JsonElement.Parse(request), "$");
        found.Sort(StringComparer.Ordinal);
        return found;

        void Find(JsonElement value, string path)
        {
            if (value.ValueKind == JsonValueKind.Array)
            {
                var index = 0;
                foreach (var item in value.EnumerateArray())
                {
                    Find(item, $"{path}[{index++}]");
                }
            }
            else if (value.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in value.EnumerateObject())
                {
                    if (member.Name == "cache_control")
                    {
                        found.Add(path);
                    }

                    Find(member.Value, $"{path}.{member.Name}");
                }
            }
        }
    }
}
