using System.Net;
using System.Text.Json.Nodes;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Conversations stay where their prompt cache is.</summary>
public sealed class AffinityRoutingTests
{
    private const int Conversations = 12;
    private const int Turns = 4;

    [Fact]
    public async Task Conversations_that_grow_turn_by_turn_stay_where_they_are_and_move_once_when_that_dies()
    {
        var upstreams = new List<ScriptedUpstream>();
        for (var i = 0; i < 4; i++)
        {
            upstreams.Add(await ScriptedUpstream.StartAsync());
        }

        await using var gateway = await TestGateway.StartAsync(
            TestGateway.Upstreams([.. upstreams.Select(upstream => upstream.Url)]), server: $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""");
        var conversations = Enumerable.Range(0, Conversations).Select(number => new Conversation($"Conversation {number}")).ToList();
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var conversation in conversations)
            {
                await conversation.TakeTurnAsync(gateway);
            }
        }

        Assert.All(conversations, conversation => Assert.Single(conversation.Places.Distinct()));
        Assert.Equal([3, 3, 3, 3], conversations.CountBy(conversation => conversation.Places[0]).Select(place => place.Value));

        // One dies: what was there moves, once, and what was elsewhere does not.
        await upstreams[0].DisposeAsync();
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var conversation in conversations)
            {
                await conversation.TakeTurnAsync(gateway);
            }
        }

        foreach (var conversation in conversations)
        {
            var after = Assert.Single(conversation.Places.Skip(Turns).Distinct());
            Assert.Equal(conversation.Places[0] != "u1", after == conversation.Places[0]);
        }

        var shares = (await gateway.AskAsync("/api/upstreams")).GetProperty("affinity").EnumerateArray().ToDictionary(share => share.GetProperty("outcome").GetString()!, share => share.GetProperty("requests").GetInt64());
        Assert.Equal((12, 3, (2 * Turns * Conversations) - 15), (shares["new"], shares["moved"], shares["kept"]));
        foreach (var upstream in upstreams)
        {
            await upstream.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_tenant_s_conversation_says_nothing_of_another_tenant_s()
    {
        await using var a = await ScriptedUpstream.StartAsync();
        await using var b = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            TestGateway.Upstreams(a.Url, b.Url), $$"""{ "tenants": [ { "id": "alice", "key": "{{TestGateway.Key}}" }, { "id": "bob", "key": "key-of-bob" } ] }""");
        var (alice, bob) = (new Conversation("Hello"), new Conversation("Hello"));

        await alice.TakeTurnAsync(gateway);
        await bob.TakeTurnAsync(gateway, "key-of-bob");
        await alice.TakeTurnAsync(gateway);
        await bob.TakeTurnAsync(gateway, "key-of-bob");

        Assert.Equal(["u1", "u1"], alice.Places);
        Assert.Equal(["u2", "u2"], bob.Places);
    }

    [Fact]
    public async Task An_upstream_that_drains_keeps_its_conversations_and_gets_no_new_ones()
    {
        await using var a = await ScriptedUpstream.StartAsync();
        await using var b = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(a.Url, b.Url));
        var old = new Conversation("Old");
        await old.TakeTurnAsync(gateway);
        Assert.Equal("u1", old.Places[0]);

        gateway.Reload("upstreams.json", $$"""{ "upstreams": [ { "id": "u1", "url": "{{a.Url}}", "key": "k", "weight": 0 }, { "id": "u2", "url": "{{b.Url}}", "key": "k" } ] }""");
        await old.TakeTurnAsync(gateway);
        var fresh = Enumerable.Range(0, 4).Select(number => new Conversation($"New {number}")).ToList();
        foreach (var conversation in fresh)
        {
            await conversation.TakeTurnAsync(gateway);
        }

        Assert.Equal(["u1", "u1"], old.Places);
        Assert.All(fresh, conversation => Assert.Equal("u2", conversation.Places[0]));
    }

    /// <summary>A client that sends everything said so far, and moves its cache marker to the last message.</summary>
    private sealed class Conversation(string opening)
    {
        private readonly List<(string Role, string Text)> messages = [("user", opening)];

        public List<string> Places { get; } = [];

        public async Task TakeTurnAsync(TestGateway gateway, string key = TestGateway.Key)
        {
            var body = new JsonObject
            {
                ["model"] = AnthropicAnswers.VectorModel,
                ["max_tokens"] = 100,
                ["system"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = "You are helpful.", ["cache_control"] = new JsonObject { ["type"] = "ephemeral" } }),
                ["messages"] = new JsonArray([.. messages.Select((message, index) => Message(message.Role, message.Text, isLast: index == messages.Count - 1))]),
            };
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages") { Content = new StringContent(body.ToJsonString()) };
            request.Headers.Add("x-api-key", key);
            using var response = await gateway.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Places.Add(response.Headers.GetValues("x-ccgate-upstream").Single());
            messages.Add(("assistant", $"Answer {messages.Count}"));
            messages.Add(("user", $"Question {messages.Count}"));
        }

        private static JsonObject Message(string role, string text, bool isLast)
        {
            var block = new JsonObject { ["type"] = "text", ["text"] = text };
            if (isLast)
            {
                block["cache_control"] = new JsonObject { ["type"] = "ephemeral" };
            }

            return new JsonObject { ["role"] = role, ["content"] = new JsonArray(block) };
        }
    }
}
