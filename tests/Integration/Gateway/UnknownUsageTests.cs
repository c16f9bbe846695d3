using System.Net;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Integration.Projections;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What is charged, and what stays held, when an answer does not say what it cost.</summary>
public sealed class UnknownUsageTests
{
    private const string Delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n";
    private const string Error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    private const string Operator = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";
    private const string Silent = """{"type":"message","content":[]}""";

    [Theory]
    [InlineData("known", UsageState.Known, RequestOutcome.Succeeded)]
    [InlineData("explicit zero", UsageState.Known, RequestOutcome.Succeeded)]
    [InlineData("no usage at all", UsageState.Unknown, RequestOutcome.Succeeded)]
    [InlineData("unreadable encoding", UsageState.Unknown, RequestOutcome.Succeeded)]
    [InlineData("corrupt encoding", UsageState.Unknown, RequestOutcome.Succeeded)]
    [InlineData("truncated before any usage", UsageState.Unknown, RequestOutcome.UpstreamTruncated)]
    [InlineData("error event after output", UsageState.Unknown, RequestOutcome.Failed)]
    [InlineData("error event before output", UsageState.KnownZero, RequestOutcome.Failed)]
    [InlineData("error status", UsageState.KnownZero, RequestOutcome.Failed)]
    public async Task An_answer_without_usage_is_charged_nothing_and_keeps_its_hold(string answer, UsageState state, RequestOutcome outcome)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, answer));
        await using var gateway = await TestGateway.StartAsync(upstream);

        await ReadAsync(await gateway.PostAsync(TestGateway.Body(stream: answer.Contains("event", StringComparison.Ordinal))));

        var completed = await gateway.EventAsync();
        Assert.Equal((state, outcome), (completed.Attempts[^1].UsageState, completed.Outcome));
        Assert.Equal(answer.EndsWith("encoding", StringComparison.Ordinal) || outcome != RequestOutcome.Succeeded, completed.Attempts[^1].Failure is not null);
        Assert.Equal(answer == "known" ? AnthropicAnswers.VectorUsd : 0m, completed.SpendUsd);
        Assert.Equal(state == UsageState.Unknown ? (completed.HeldUsd, completed.HeldTokens) : (null, (long?)null), (completed.UnsettledUsd, completed.UnsettledTokens));
        Assert.True(completed is { HeldUsd: > 0, HeldTokens: > 0 });
        Assert.Equal(answer == "known" ? 27794 : 0, completed.Usage.TotalTokens);
    }

    [Fact]
    public async Task A_client_that_leaves_before_any_usage_pays_an_estimate_and_holds_nothing()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, [Delta]);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        using (var response = await gateway.PostAsync(TestGateway.Body(stream: true)))
        {
            await using var stream = await response.Content.ReadAsStreamAsync();
            await stream.ReadExactlyAsync(new byte[10]);
        }

        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, UsageState.Estimated), (completed.Outcome, completed.Attempts.Single().UsageState));
        Assert.Equal((true, null, null), (completed.SpendUsd > 0, completed.UnsettledUsd, completed.UnsettledTokens));
    }

    [Fact]
    public async Task A_retry_that_is_known_is_charged_and_the_rest_of_the_hold_stays_for_the_one_that_is_not()
    {
        await using var first = await ScriptedUpstream.StartAsync(async http =>
        {
            http.Response.ContentLength = 100;
            http.Response.ContentType = "application/json";
            await http.Response.Body.FlushAsync(); // Shorter than it says, so it breaks off here.
        });
        await using var second = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, """{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"""));
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(first.Url, second.Url));

        await ReadAsync(await gateway.PostAsync(TestGateway.Body(stream: false)));

        var completed = await gateway.EventAsync();
        Assert.Equal([UsageState.Unknown, UsageState.Known], completed.Attempts.Select(attempt => attempt.UsageState));
        Assert.Equal((7, completed.HeldTokens - 7, completed.HeldUsd - completed.SpendUsd), (completed.Usage.TotalTokens, completed.UnsettledTokens, completed.UnsettledUsd));
        Assert.True(completed.SpendUsd > 0);
    }

    [Fact]
    public async Task The_budget_stays_held_over_a_restart_until_the_request_is_settled()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, Silent));
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        RequestCompleted held;
        await using (var probe = await TestGateway.StartAsync(upstream))
        {
            await ReadAsync(await probe.PostAsync(TestGateway.Body(stream: false)));
            held = await probe.EventAsync();
        }

        var tenants = TestGateway.Tenant(FormattableString.Invariant($"\"holdPolicy\": \"refuse\", \"limits\": {{ \"daily\": {{ \"maxUSD\": {held.HeldUsd * 1.5m} }} }}"));
        await using (var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), tenants, over: root))
        {
            Assert.Equal(HttpStatusCode.OK, await AskAsync(gateway));
            Assert.Equal(HttpStatusCode.PaymentRequired, await AskAsync(gateway));
            await gateway.SettledAsync();
            Assert.Equal(HttpStatusCode.PaymentRequired, await AskAsync(gateway));
        }

        await using (var again = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), tenants, Operator, over: root))
        {
            Assert.Equal(HttpStatusCode.PaymentRequired, await AskAsync(again));
            var request = await again.EventAsync();
            var url = new UriBuilder(again.Url) { UserName = TestGateway.Admin, Password = TestGateway.Password }.Uri.AbsoluteUri;
            var settled = await CommandRun.OfAsync(
                BillingCommand.Create(new StoreOptions(_ => new GatewayConfig())),
                "billing", "settle", request.RequestId.ToString(), "--zero", "--reason", "the provider did not bill it", "--url", url);
            Assert.Equal((0, ""), (settled.Exit, settled.Error));
            await Eventually.HoldsAsync(async () => await AskAsync(again) == HttpStatusCode.OK, "the headroom is back");
        }

        root.Delete(recursive: true);
    }

    private static async Task<HttpStatusCode> AskAsync(TestGateway gateway)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        await response.Content.ReadAsStringAsync();
        return response.StatusCode;
    }

    /// <summary>Whatever becomes of it: some of these answers break off.</summary>
    private static async Task ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            await Record.ExceptionAsync(() => response.Content.CopyToAsync(Stream.Null));
        }
    }

    private static async Task AnswerAsync(HttpContext http, string answer)
    {
        switch (answer)
        {
            case "known":
                await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
                break;
            case "explicit zero":
                await AnthropicAnswers.JsonAsync(http, """{"type":"message","content":[],"usage":{"input_tokens":0,"output_tokens":0}}""");
                break;
            case "no usage at all":
                await AnthropicAnswers.JsonAsync(http, Silent);
                break;
            case "unreadable encoding":
                http.Response.Headers.ContentEncoding = "x-nobody-knows";
                await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
                break;
            case "corrupt encoding":
                http.Response.Headers.ContentEncoding = "gzip";
                await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
                break;
            case "truncated before any usage":
                await AnthropicAnswers.FramesAsync(http, [Delta]);
                break;
            case "error event after output":
                await AnthropicAnswers.FramesAsync(http, [Delta, Error]);
                break;
            case "error event before output":
                await AnthropicAnswers.FramesAsync(http, [Error]);
                break;
            default:
                await AnthropicAnswers.ErrorAsync(http, 500, "api_error");
                break;
        }
    }
}
