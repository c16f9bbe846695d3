using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using CCGate.Proxy.Surfaces;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>A conversation is the same one while it grows, and another one when it begins differently.</summary>
public sealed class PromptPrefixTests
{
    [Theory]
    [InlineData("anthropic")]
    [InlineData("chat")]
    [InlineData("responses")]
    [InlineData("gemini")]
    public void A_conversation_keeps_its_prefix_while_it_grows_and_its_marks_move(string protocol)
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var conversation = new Conversation(protocol, random);
            var first = conversation.Prefix();
            Assert.NotNull(first);
            for (var turn = 0; turn < 5; turn++)
            {
                conversation.Grow();
                Assert.True(first == conversation.Prefix(), $"seed {seed}, turn {turn}: {conversation.Body()}");
            }
        }
    }

    [Theory]
    [InlineData("anthropic")]
    [InlineData("chat")]
    [InlineData("responses")]
    [InlineData("gemini")]
    public void Conversations_that_begin_differently_differ(string protocol)
    {
        var prefixes = new HashSet<ulong>();
        for (var seed = 0; seed < 500; seed++)
        {
            var conversation = new Conversation(protocol, new Random(seed));
            Assert.True(prefixes.Add(conversation.Prefix()!.Value), $"seed {seed}");

            conversation.System += ".";
            Assert.True(prefixes.Add(conversation.Prefix()!.Value), $"seed {seed}: system");
            conversation.Tool += "x";
            Assert.True(prefixes.Add(conversation.Prefix()!.Value), $"seed {seed}: tools");
            conversation.FirstQuestion += "?";
            Assert.True(prefixes.Add(conversation.Prefix()!.Value), $"seed {seed}: first question");
        }
    }

    [Theory]
    [InlineData("""{"system":"x-anthropic-billing-header: cc_version=1; cch=2;\nBe brief."}""", """{"system":"Be brief."}""")]
    [InlineData("""{"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=1;"},{"type":"text","text":"Be brief."}]}""", """{"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.0; cch=0;"},{"type":"text","text":"Be brief."}]}""")]
    [InlineData("""{"system":"Be brief."}""", """{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral","ttl":"1h"}}]}""")]
    [InlineData("""{"tools":[{"name":"a"},{"name":"b"}]}""", """{ "tools": [ {"name":"a"}, {"cache_control":{"type":"ephemeral"},"name":"b"} ] }""")]
    [InlineData("""{"system":"s","tools":[{"name":"a"}]}""", """{"tools":[{"name":"a"}],"temperature":1,"system":"s"}""")]
    public void What_changes_between_turns_does_not_count(string one, string other) => Assert.Equal(Anthropic(one), Anthropic(other));

    [Theory]
    [InlineData("""{"system":["name","a"],"tools":[]}""", """{"system":"","tools":[{"name":"a"}]}""")]
    [InlineData("""{"system":["ab","c"]}""", """{"system":["a","bc"]}""")]
    [InlineData("""{"tools":[{"name":"a","input_schema":{"properties":{"path":{"type":"string"}}}}]}""", """{"tools":[{"name":"a","input_schema":{"properties":{"file":{"type":"string"}}}}]}""")]
    [InlineData("""{"tools":[{"name":"a","input_schema":{"type":"object"}}]}""", """{"tools":[{"name":"a","input_schema":{"type":"array"}}]}""")]
    [InlineData("""{"system":"0123456789abcdef"}""", """{"system":"0123456789abcdeF"}""")]
    [InlineData("""{"system":"0123456789abcdef0"}""", """{"system":"0123456789abcdef1"}""")]
    public void What_a_prompt_says_and_where_counts(string one, string other) => Assert.NotEqual(Anthropic(one), Anthropic(other));

    [Theory]
    [InlineData("""{"model":"m","messages":[]}""")]
    [InlineData("""{"model":"m","system":"s","messages":[{"role":"assistant","content":"a"}]}""")]
    [InlineData("""{"model":"m","messages":{"role":7}}""")]
    [InlineData("""{"model":"m","messages":[["role"],"user",null]}""")]
    public void Without_a_question_nothing_is_said(string body) => Assert.Null(AnthropicBodyReader.Read(Encoding.UTF8.GetBytes(body), readsPrefix: true).Prefix);

    [Fact]
    public void A_response_that_continues_another_is_known_by_its_conversation_only()
    {
        Assert.Null(Responses("""{"previous_response_id":"resp_1","instructions":"i","input":"next"}"""));
        Assert.NotNull(Responses("""{"previous_response_id":null,"instructions":"i","input":"next"}"""));
        Assert.Equal(Responses("""{"conversation":{"id":"conv_1"},"input":"first"}"""), Responses("""{"conversation":{"id":"conv_1"},"input":[{"role":"user","content":"second"}]}"""));
        Assert.NotEqual(Responses("""{"conversation":"conv_1","input":"first"}"""), Responses("""{"conversation":"conv_2","input":"first"}"""));
    }

    [Fact]
    public void A_question_to_Gemini_needs_no_role()
    {
        var withRole = GeminiBodyReader.Read("""{"contents":[{"parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"ho"}]}]}"""u8, readsPrefix: true).Prefix;

        Assert.Equal(GeminiBodyReader.Read("""{"contents":[{"parts":[{"text":"hi"}]}]}"""u8, readsPrefix: true).Prefix, withRole);
        Assert.NotNull(withRole);
    }

    [Fact]
    public void A_text_that_is_no_text_is_not_refused_for_its_prefix()
    {
        var body = """{"model":"m","tools":[{"name":"a","input_schema":{"\udc00":1}}],"messages":[{"role":"user","content":"\ud800"}]}"""u8;

        Assert.NotNull(AnthropicBodyReader.Read(body, readsPrefix: true).Prefix);
    }

    [Fact]
    public void Reading_it_allocates_nothing()
    {
        var body = Encoding.UTF8.GetBytes(new Conversation("anthropic", new Random(1)).Body());

        Assert.Equal(Allocated(body, readsPrefix: false), Allocated(body, readsPrefix: true));

        static long Allocated(byte[] body, bool readsPrefix)
        {
            AnthropicBodyReader.Read(body, readsPrefix);
            var before = GC.GetAllocatedBytesForCurrentThread();
            AnthropicBodyReader.Read(body, readsPrefix);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void It_is_read_only_when_asked_for() => Assert.Null(AnthropicBodyReader.Read("""{"model":"m","messages":[{"role":"user","content":"a"}]}"""u8).Prefix);

    private static ulong? Anthropic(string members)
    {
        var body = JsonNode.Parse(members)!.AsObject();
        body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hi" });
        var prefix = AnthropicBodyReader.Read(Encoding.UTF8.GetBytes(body.ToJsonString()), readsPrefix: true).Prefix;
        Assert.NotNull(prefix);
        return prefix;
    }

    private static ulong? Responses(string body) => OpenAiBodyReader.Read(Encoding.UTF8.GetBytes(body), OpenAiForm.Responses, readsPrefix: true).Prefix;

    /// <summary>A made-up conversation, written as a client of a protocol writes it: the cache mark on the last message, members in an order of its own.</summary>
    private sealed class Conversation(string protocol, Random random)
    {
        private readonly bool systemFirst = random.Next(2) == 0;
        private readonly bool roleFirst = random.Next(2) == 0;
        private readonly List<(string Role, string Text)> turns = [];

        public string System { get; set; } = Text(random);

        public string Tool { get; set; } = Text(random);

        public string FirstQuestion { get; set; } = Text(random);

        public void Grow()
        {
            turns.Add((protocol == "gemini" ? "model" : "assistant", Text(random)));
            turns.Add(("user", Text(random)));
        }

        public ulong? Prefix()
        {
            var body = Encoding.UTF8.GetBytes(Body());
            return protocol switch
            {
                "anthropic" => AnthropicBodyReader.Read(body, readsPrefix: true).Prefix,
                "gemini" => GeminiBodyReader.Read(body, readsPrefix: true).Prefix,
                _ => OpenAiBodyReader.Read(body, protocol == "chat" ? OpenAiForm.Chat : OpenAiForm.Responses, readsPrefix: true).Prefix,
            };
        }

        public string Body()
        {
            var messages = new JsonArray();
            if (protocol == "chat")
            {
                messages.Add(Message("system", System, isLast: false));
            }

            messages.Add(Message("user", FirstQuestion, isLast: turns.Count == 0));
            for (var i = 0; i < turns.Count; i++)
            {
                messages.Add(Message(turns[i].Role, turns[i].Text, isLast: i == turns.Count - 1));
            }

            var body = new JsonObject { ["tools"] = new JsonArray(new JsonObject { ["name"] = Tool, ["schema"] = new JsonObject { ["type"] = "object" } }) };
            body.Insert(systemFirst ? 0 : 1, protocol switch { "anthropic" => "system", "gemini" => "systemInstruction", "responses" => "instructions", _ => "x" }, System);
            if (protocol == "chat")
            {
                body.Remove("x");
            }

            body.Insert(random.Next(3 - (protocol == "chat" ? 1 : 0)), protocol switch { "gemini" => "contents", "responses" => "input", _ => "messages" }, messages);
            body["max_tokens"] = protocol is "anthropic" or "chat" ? random.Next(1, 1000) : null;
            return body.ToJsonString();
        }

        private JsonObject Message(string role, string text, bool isLast)
        {
            var message = new JsonObject { ["role"] = role };
            var part = new JsonObject { ["text"] = text };
            if (protocol == "gemini")
            {
                message["parts"] = new JsonArray(part);
                return message;
            }

            JsonNode content = text;
            if (isLast)
            {
                part.Insert(0, "type", "text");
                part["cache_control"] = new JsonObject { ["type"] = "ephemeral" };
                content = new JsonArray(part);
            }

            message.Insert(roleFirst ? 1 : 0, "content", content);
            return message;
        }

        private static string Text(Random random)
        {
            var text = new StringBuilder();
            for (var i = random.Next(1, 40); i >= 0; i--)
            {
                text.Append(random.Next(6) switch { 0 => "\"", 1 => "世界", 2 => "\n", 3 => "text", _ => random.Next().ToString(CultureInfo.InvariantCulture) });
            }

            return text.ToString();
        }
    }
}
