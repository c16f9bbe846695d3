using System.Text;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>What holds for translations whichever protocols they are between.</summary>
public sealed class TranslationsTests
{
    private static readonly (UpstreamKind Kind, string Model)[] Upstreams =
        [(UpstreamKind.Anthropic, "claude-sonnet-4-5"), (UpstreamKind.OpenAi, "gpt-5-mini"), (UpstreamKind.OpenAiResponses, "gpt-5-mini"), (UpstreamKind.Gemini, "gemini-3-pro")];

    [Theory]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"ccgate.gemini.AA"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}""")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"ccgate.call.ccgate.gemini.AA"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}""")]
    public async Task Signatures_of_other_makers_never_go_to_an_Anthropic_upstream(string body) =>
        await AssertUnmarkedAsync(AnthropicSurface.Instance, UpstreamKind.Anthropic, body);

    [Theory]
    [InlineData("ccgate.anthropic.EqQB")]
    [InlineData("call:ccgate.gemini.CiQB")]
    [InlineData("redacted:ccgate.anthropic.EqQB")]
    public async Task Signatures_of_other_makers_never_go_to_a_responses_upstream(string mark) =>
        await AssertUnmarkedAsync(OpenAiSurface.Responses, UpstreamKind.OpenAiResponses, $$"""{"model":"m","input":[{"role":"user","content":"a"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"{{mark}}"},{"role":"user","content":"c"}]}""");

    [Theory]
    [InlineData("ccgate.anthropic.EqQBsignature==")]
    [InlineData("ccgate:redacted:ccgate.anthropic.EqQB")]
    public async Task Signatures_of_other_makers_never_go_to_a_Gemini_upstream(string mark) =>
        await AssertUnmarkedAsync(GeminiSurface.Instance, UpstreamKind.Gemini, $$"""{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"t","thought":true,"thoughtSignature":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(mark))}}"},{"text":"b"}]},{"role":"user","parts":[{"text":"c"}]}]}""");

    [Fact]
    public async Task Who_only_talks_about_ccgate_gets_its_own_bytes()
    {
        var call = await CallAsync(AnthropicSurface.Instance, """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"ccgate.db is locked, \"ccgate.gemini.AA\" too"}]}""");

        Assert.Null(call.Translations.For(UpstreamKind.Anthropic, "m", limit: null));
    }

    [Theory]
    [InlineData("mcp__a.server:with/everything")]
    [InlineData("a_name_that_is_longer_than_any_provider_takes_it_to_be_____________________________________________________________________________________________")]
    public async Task A_tool_whose_name_an_upstream_refuses_goes_by_another_one_there_and_comes_back_with_its_own(string name)
    {
        var call = await CallAsync(AnthropicSurface.Instance, $$$"""{"model":"m","max_tokens":9,"tools":[{"name":"{{{name}}}","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"{{{name}}}"},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"{{{name}}}","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"r"}]}]}""");

        foreach (var (kind, model) in Upstreams[1..])
        {
            var translated = call.Translations.For(kind, model, limit: null)!;
            var body = Encoding.UTF8.GetString(translated.Body.Span);
            Assert.DoesNotContain(name, body, StringComparison.Ordinal);
            var told = ToolNames.Fit(name, 64);
            Assert.True(body.Split($"\"{told}\"").Length > 3, body); // Offered, chosen, called.
            Assert.Equal(name, ToolNames.Restore(translated.Conversation.Tools, told));
        }
    }

    private static async Task AssertUnmarkedAsync(ISurface surface, UpstreamKind kind, string body)
    {
        var call = await CallAsync(surface, body);

        var translated = call.Translations.For(kind, Upstreams.Single(upstream => upstream.Kind == kind).Model, limit: null);

        Assert.NotNull(translated);
        var sent = JsonNode.Parse(translated.Body.Span)!.ToJsonString();
        Assert.DoesNotContain("ccgate", sent, StringComparison.Ordinal);
        Assert.DoesNotContain("Y2NnYXRl", sent, StringComparison.Ordinal);
    }

    private static async Task<Call> CallAsync(ISurface surface, string body)
    {
        var http = new DefaultHttpContext();
        http.Request.Method = HttpMethods.Post;
        http.Request.ContentType = "application/json";
        http.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
        http.Request.RouteValues[GeminiSurface.Target] = "m:generateContent";
        return await surface.ReadAsync(http.Request, CallKind.Generation, 1024 * 1024, CancellationToken.None);
    }
}
