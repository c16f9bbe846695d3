using System.Net;
using System.Text;
using System.Text.Json;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>The models are as strict as the APIs: what they take would be taken there.</summary>
public sealed class ModelUpstreamTests
{
    private const string Tool = """{"type":"object","properties":{"city":{"type":"string"}}}""";

    // Of every kind a question with a tool, a call of it and its result; the other bodies differ from it in one thing.
    private static readonly Dictionary<string, (string Path, string Body)> Conversations = new()
    {
        ["anthropic"] = ("/v1/messages", $$$"""
            {"model":"m","max_tokens":100,"tools":[{"name":"weather","input_schema":{{{Tool}}} }],"messages":[{"role":"user","content":"Hi"},
             {"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"{{{ModelSignature.Of("anthropic", "Hm")}}}"},{"type":"tool_use","id":"c1","name":"weather","input":{}}]},
             {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"7"}]}]}
            """),
        ["openai"] = ("/v1/chat/completions", $$$"""
            {"model":"m","tools":[{"type":"function","function":{"name":"weather","parameters":{{{Tool}}} } }],"messages":[{"role":"user","content":"Hi"},
             {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{}"}}]},
             {"role":"tool","tool_call_id":"c1","content":"7"}]}
            """),
        ["openai-responses"] = ("/v1/responses", $$$"""
            {"model":"m","store":false,"tools":[{"type":"function","name":"weather","parameters":{{{Tool}}} }],"input":[{"role":"user","content":"Hi"},
             {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"{{{ResponsesItem.Encrypted}}}"},
             {"type":"function_call","call_id":"c1","name":"weather","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"7"}]}
            """),
        ["gemini"] = ("/v1beta/models/m:generateContent", $$$"""
            {"tools":[{"functionDeclarations":[{"name":"weather","parameters":{{{Tool}}} }]}],"contents":[{"role":"user","parts":[{"text":"Hi"}]},
             {"role":"model","parts":[{"functionCall":{"id":"c1","name":"weather","args":{}},"thoughtSignature":"{{{ModelSignature.Of("gemini", "weather")}}}"}]},
             {"role":"user","parts":[{"functionResponse":{"id":"c1","name":"weather","response":{"output":"7"} } }]}]}
            """),
    };

    [Theory]
    [InlineData("anthropic")]
    [InlineData("openai")]
    [InlineData("openai-responses")]
    [InlineData("gemini")]
    public async Task A_conversation_with_a_tool_is_taken(string kind)
    {
        var (status, answer, model) = await AskAsync(kind, "", "");

        Assert.True(status == HttpStatusCode.OK, answer);
        Assert.Equal("7", Assert.Single(Assert.Single(model.Requests).Results).Text);
    }

    [Theory]
    [InlineData("anthropic", "\"max_tokens\":100,", "", "max_tokens: Field required")]
    [InlineData("anthropic", "\"max_tokens\"", "\"max_output_tokens\":1,\"max_tokens\"", "max_output_tokens: Extra inputs")]
    [InlineData("anthropic", "\"max_tokens\"", "\"temperature\":0.5,\"max_tokens\"", "temperature: is not supported")]
    [InlineData("anthropic", "\"role\":\"assistant\"", "\"role\":\"model\"", "'model' is none of")]
    [InlineData("anthropic", "\"tool_use_id\":\"c1\"", "\"tool_use_id\":\"c2\"", "unexpected `tool_use_id`")]
    [InlineData("anthropic", "{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"7\"}", "{\"type\":\"text\",\"text\":\"7\"}", "without `tool_result` blocks")]
    [InlineData("anthropic", "\"thinking\":\"Hm\"", "\"thinking\":\"Hm!\"", "Invalid `signature`")]
    [InlineData("openai", "\"tool_call_id\":\"c1\"", "\"tool_call_id\":\"c2\"", "must be a response to a preceeding message")]
    [InlineData("openai", "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"7\"}", "{\"role\":\"user\",\"content\":\"7\"}", "must be followed by tool messages")]
    [InlineData("openai", "\"arguments\":\"{}\"", "\"arguments\":\"{\"", "is not JSON")]
    [InlineData("openai", "\"model\"", "\"max_tokens\":5,\"model\"", "Use 'max_completion_tokens' instead")]
    [InlineData("openai", "\"model\"", "\"stream_options\":{\"include_usage\":true},\"model\"", "only allowed when 'stream'")]
    [InlineData("openai-responses", ",{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"7\"}", "", "No tool output found")]
    [InlineData("openai-responses", "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"weather\",\"arguments\":\"{}\"},", "{\"role\":\"user\",\"content\":\"Hi\"},", "without its required following item")]
    [InlineData("openai-responses", "\"encrypted_content\":\"", "\"encrypted_content\":\"x", "could not be verified")]
    [InlineData("openai-responses", "\"content\":\"Hi\"", "\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]", "'text' is none of")]
    [InlineData("gemini", "\"functionResponse\":{\"id\":\"c1\",\"name\":\"weather\",\"response\":{\"output\":\"7\"} }", "\"text\":\"7\"", "number of function response parts")]
    [InlineData("gemini", "\"thoughtSignature\":\"", "\"thoughtSignature\":\"x", "Thought signature is not valid")]
    [InlineData("gemini", "\"properties\"", "\"additionalProperties\":false,\"properties\"", "additionalProperties: Extra inputs")]
    [InlineData("gemini", "\"role\":\"model\"", "\"role\":\"assistant\"", "'assistant' is none of")]
    public async Task What_the_API_refuses_is_refused(string kind, string instead, string of, string why)
    {
        var (status, answer, model) = await AskAsync(kind, instead, of);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(why, JsonElement.Parse(answer).GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Single(model.Refusals);
    }

    [Fact]
    public async Task A_key_of_somebody_elses_is_refused()
    {
        await using var model = await ModelUpstream.StartAsync(new AnthropicModel());
        using var http = new HttpClient { BaseAddress = new Uri(model.Url) };
        http.DefaultRequestHeaders.Add("x-api-key", "another");

        using var response = await http.PostAsync("/v1/messages", new StringContent(Conversations["anthropic"].Body));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    private static async Task<(HttpStatusCode Status, string Answer, ModelUpstream Model)> AskAsync(string kind, string instead, string of)
    {
        IModelProtocol protocol = kind switch { "anthropic" => new AnthropicModel(), "openai" => new ChatModel(), "openai-responses" => new ResponsesModel(), _ => new GeminiModel() };
        await using var model = await ModelUpstream.StartAsync(protocol);
        using var http = new HttpClient { BaseAddress = new Uri(model.Url) };
        http.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        http.DefaultRequestHeaders.Add(kind switch { "anthropic" => "x-api-key", "gemini" => "x-goog-api-key", _ => "Authorization" }, kind.StartsWith("openai", StringComparison.Ordinal) ? "Bearer " + ModelUpstream.Key : ModelUpstream.Key);
        var (path, body) = Conversations[kind];
        Assert.Contains(instead, body, StringComparison.Ordinal);

        using var response = await http.PostAsync(path, new StringContent(instead.Length > 0 ? body.Replace(instead, of, StringComparison.Ordinal) : body, Encoding.UTF8, "application/json"));
        return (response.StatusCode, await response.Content.ReadAsStringAsync(), model);
    }
}
