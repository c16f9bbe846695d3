using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;

namespace CCGate.Tests.Conformance;

/// <summary>The client libraries from npm, each with a model behind the gateway that is as strict as its provider.</summary>
public sealed class ClientLibraryTests(ClientLibraries libraries) : IClassFixture<ClientLibraries>
{
    public static TheoryData<string, string, bool> Pairs => ClientLibraries.Pairs;

    public static TheoryData<string, string> StreamingPairs => ClientLibraries.StreamingPairs;

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task A_text_is_read_and_billed(string client, string kind, bool stream)
    {
        var run = await libraries.RunAsync(client, kind, ModelScripts.Plain);

        var answer = await run.AskAsync("plain", stream);

        await run.AssertToldAndBilledAsync(answer);
        Assert.Contains(Assert.Single(answer.Stops), (string[])["end_turn", "stop", "completed", "STOP"]);
        Assert.Equal(stream, Assert.Single(run.Model.Requests).Streaming);
        Assert.Equal("You are terse.", Assert.Single(run.Model.Requests).System.Single());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Tools_are_called_at_once_and_one_after_the_other(string client, string kind, bool stream)
    {
        var run = await libraries.RunAsync(client, kind, ModelScripts.Tools);

        var answer = await run.AskAsync("tools", stream);

        await run.AssertToldAndBilledAsync(answer);
        Assert.Equal(3, run.Model.Said.Count);
        Assert.EndsWith("Köln 🌧 is 7 degrees on day 1; Paris is 5 degrees on day 2; Oslo is 4 degrees on day 3", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Thoughts_are_read_and_come_back_as_they_were_signed(string client, string kind, bool stream)
    {
        var run = await libraries.RunAsync(client, kind, ModelScripts.Thinking);

        var answer = await run.AskAsync("thinking", stream);

        await run.AssertToldAndBilledAsync(answer);
        var signed = SignsThoughts(client) && SignsThoughts(kind);
        Assert.Equal(signed ? ModelScripts.Thought : "", answer.Thoughts);
        Assert.Contains(signed ? "Oslo is 4 degrees on day 1 (1 signed)" : "Oslo is 4 degrees on day 1", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task An_image_is_seen(string client, string kind, bool stream)
    {
        var run = await libraries.RunAsync(client, kind, ModelScripts.Image);

        var answer = await run.AskAsync("image", stream);

        await run.AssertToldAndBilledAsync(answer);
        Assert.Equal("image/png of 70 bytes", answer.Text);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task An_answer_fits_the_schema_it_was_asked_for(string client, string kind, bool stream)
    {
        var run = await libraries.RunAsync(client, kind, ModelScripts.Structured);

        var answer = await run.AskAsync("structured", stream);

        await run.AssertToldAndBilledAsync(answer);
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse("""{"mood":"bad","score":7,"reasons":["text"]}"""), JsonElement.Parse(answer.Text)), answer.Text);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task An_error_keeps_its_status_its_message_and_when_to_come_back(string client, string kind, bool stream)
    {
        foreach (var status in (int[])[400, 429, kind == "anthropic" ? 529 : 503])
        {
            await using var gateway = await ModelGateway.StartAsync(kind);
            var run = libraries.Run(client, gateway, ModelScripts.Fault(status));

            var error = (await run.AskAsync("plain", stream)).Error;

            var expected = status < 500 ? status : ClientLibraries.Library(client).Speaks == "anthropic" ? 529 : 503;
            Assert.NotNull(error);
            Assert.Equal(expected, error.Status);
            Assert.Contains("said the model", error.Message, StringComparison.Ordinal);

            // Google's library does not show headers.
            Assert.Equal(status == 429 && client != "google" ? "7" : null, error.RetryAfter);
            Assert.Equal(0, (await run.EventAsync()).SpendUsd);
        }
    }

    [Theory]
    [MemberData(nameof(StreamingPairs))]
    public async Task A_stream_that_breaks_is_an_error_and_not_half_an_answer(string client, string kind)
    {
        await using var gateway = await ModelGateway.StartAsync(kind);
        var run = libraries.Run(client, gateway, ModelScripts.Breaking);

        var answer = await run.AskAsync("plain", stream: true);

        Assert.NotNull(answer.Error);
        Assert.Contains("the model broke", answer.Error.Message, StringComparison.Ordinal);
        Assert.NotEqual(RequestOutcome.Succeeded, (await run.EventAsync()).Outcome);
    }

    [Theory]
    [MemberData(nameof(StreamingPairs))]
    public async Task A_client_that_leaves_stops_the_model(string client, string kind)
    {
        var run = await libraries.RunAsync(client, kind, ModelScripts.Stalling);

        var answer = await run.AskAsync("abort", stream: true);

        Assert.Null(answer.Error);
        Assert.NotEmpty(answer.Text);
        await Eventually.HoldsAsync(() => run.Model.Aborts == 1, "the model is told that nobody listens any more");
        Assert.Equal(RequestOutcome.ClientAborted, (await run.EventAsync()).Outcome);
    }

    /// <summary>Chats neither show thoughts nor sign them.</summary>
    private static bool SignsThoughts(string clientOrKind) => clientOrKind is not ("openai" or "openai-chat" or "vercel-openai-chat");
}
