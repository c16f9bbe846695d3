using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.AnthropicTranslation;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Requests of the Messages API as they are read.</summary>
public sealed class AnthropicRequestTests
{
    [Fact]
    public void A_whole_request_is_written_as_it_was_read()
    {
        const string Body =
            """
            {"model":"claude-opus-5","max_tokens":2000,"system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral","ttl":"1h"}}],
             "messages":[
               {"role":"user","content":[{"type":"text","text":"hi"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},
                 {"type":"image","source":{"type":"url","url":"https://x/a.png"}},
                 {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="},"title":"T"},
                 {"type":"document","source":{"type":"text","media_type":"text/plain","data":"ä"}}]},
               {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"SIG"},{"type":"redacted_thinking","data":"RED"},
                 {"type":"tool_use","id":"toolu_1","name":"f","input":{"z":1,"a":{"b":[]}}},{"type":"tool_use","id":"toolu_2","name":"f","input":{}}]},
               {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"one"}]},
                 {"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}],"is_error":true,
                  "cache_control":{"type":"ephemeral"}}]}],
             "tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"z":{"type":"integer"}}},"strict":true}],
             "tool_choice":{"type":"auto","disable_parallel_tool_use":true},
             "thinking":{"type":"adaptive","display":"omitted"},
             "output_config":{"effort":"xhigh","format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}},
             "stop_sequences":["END"],"metadata":{"user_id":"u"},"service_tier":"auto","stream":true}
            """;
        var losses = new Losses();

        AssertSame(Body, Write(Read(Body, losses), losses));
        Assert.Empty(losses.Dropped);
    }

    [Fact]
    public void Claude_Code_s_requests_are_read_without_their_billing_header()
    {
        foreach (var request in JsonElement.Parse(Fixture("captures/claude-code-2.1.329.json")).EnumerateObject()
            .Where(static scenario => scenario.Value.ValueKind == JsonValueKind.Array).SelectMany(static scenario => scenario.Value.EnumerateArray()))
        {
            if (!request.TryGetProperty("body", out var body) || body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("messages", out _) || HasHostedTool(body))
            {
                continue;
            }

            // The recording has the shapes of tools, not the tools.
            var bare = body.EnumerateObject().Where(static member => member.Name != "tools").ToDictionary(static member => member.Name, static member => member.Value);
            var conversation = Read(JsonSerializer.Serialize(bare));

            Assert.NotEmpty(conversation.Turns);
            Write(conversation);
        }

        var billed = Read("""{"messages":[],"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2"},{"type":"text","text":"You are"}]}""");
        Assert.Equal("You are", Assert.Single(billed.System).Text);
    }

    [Fact]
    public void A_system_message_in_the_middle_is_kept_in_its_place()
    {
        var conversation = Read("""{"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":"c"}]}""");

        Assert.Equal([Role.User, Role.System, Role.Assistant], conversation.Turns.Select(static turn => turn.Role));
    }

    [Fact]
    public void Another_provider_s_signature_of_a_call_comes_back_to_the_call()
    {
        var conversation = Read(
            """
            {"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"ccgate.gemini.A"},{"type":"thinking","thinking":"u","signature":"ccgate.unsigned"},
              {"type":"redacted_thinking","data":"ccgate.call.ccgate.gemini.B"},{"type":"tool_use","id":"1","name":"f","input":{}},{"type":"tool_use","id":"2","name":"f","input":{}}]}]}
            """);

        Part[] expected =
        [
            new ThinkingPart("t", "ccgate.gemini.A"), new ThinkingPart("u", null), new ToolCallPart("1", "f", "{}") { Signature = "ccgate.gemini.B" }, new ToolCallPart("2", "f", "{}"),
        ];
        Assert.Equal(expected, conversation.Turns[0].Parts);
    }

    [Theory]
    [InlineData("""{"type":"disabled"}""", null, "none", null)]
    [InlineData("""{"type":"enabled","budget_tokens":5000}""", null, null, 5000L)]
    [InlineData("""{"type":"adaptive"}""", "low", "low", null)]
    [InlineData("null", "max", "max", null)]
    public void Thinking_is_read_with_its_effort(string thinking, string? effort, string? expectedEffort, long? budget)
    {
        var conversation = Read($$$"""{"messages":[],"thinking":{{{thinking}}},"output_config":{"effort":{{{JsonSerializer.Serialize(effort)}}}}}""");

        Assert.Equal(new Reasoning(expectedEffort, budget), conversation.Reasoning);
    }

    [Theory]
    [InlineData("""{"messages":[],"tools":[{"name":"a"},{"type":"web_search_20250305","name":"web_search"}]}""", "tools[1].type")]
    [InlineData("""{"messages":[],"mcp_servers":[{}]}""", "mcp_servers")]
    [InlineData("""{"messages":[],"container":"c"}""", "container")]
    [InlineData("""{"messages":[],"inference_geo":"us"}""", "inference_geo")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f"}]}]}""", "messages[0].content[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}""", "messages[0].content[0].source.type")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text"}]}]}]}""", "messages[0].content[0].content[0].text")]
    [InlineData("""{"messages":[{"role":"nobody","content":""}]}""", "messages[0].role")]
    [InlineData("""{"messages":"hi"}""", "messages")]
    [InlineData("""{"messages":[],"temperature":"hot"}""", "temperature")]
    public void What_cannot_be_carried_is_refused_by_its_place(string body, string field) =>
        Assert.StartsWith($"{field}: ", Assert.Throws<RefusedException>(() => Read(body)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_only_a_wish_is_dropped_by_name()
    {
        var losses = new Losses();
        Read("""{"messages":[{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}}]}],"context_management":{},"betas":[],"speed":"fast"}""", losses);

        Assert.Equal(["server_tool_use", "context_management", "betas", "speed"], losses.Dropped);
    }

    [Fact]
    public void Results_of_a_search_in_the_history_are_text()
    {
        var conversation = Read(
            """{"messages":[{"role":"assistant","content":[{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"T","url":"https://x"}]}]}]}""");

        Assert.Equal("Web search results:\n- T: https://x", Assert.IsType<TextPart>(conversation.Turns[0].Parts[0]).Text);
    }

    [Fact]
    public void Broken_requests_are_only_ever_refused()
    {
        var random = new Random(5);
        var whole = Encoding.UTF8.GetBytes(
            """{"system":[{"type":"text","text":"S"}],"messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"x"}]}}]},{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"n","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":"r"}]}],"tools":[{"name":"n","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"n"},"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":100}""");
        for (var round = 0; round < 5000; round++)
        {
            var bytes = (byte[])whole.Clone();
            bytes[random.Next(bytes.Length)] = (byte)"{}[]\",:0n\\u-."[random.Next(13)];
            var text = Encoding.Latin1.GetString(bytes, 0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length);
            try
            {
                JsonElement.Parse(Write(Read(text)));
            }
            catch (RefusedException)
            {
                // As promised.
            }
        }

        Assert.Throws<RefusedException>(() => Read(string.Concat(Enumerable.Repeat("{\"messages\":[", 2000))));
        Read("""{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"n","input":{"a":DEEP}}]}]}""".Replace("DEEP", new string('[', 900) + new string(']', 900), StringComparison.Ordinal));
    }

    private static bool HasHostedTool(JsonElement body) =>
        body.TryGetProperty("tools", out var tools) && tools.EnumerateArray().Any(static tool => tool.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String);
}
