using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>What operators decided about upstreams, laid over those of the files.</summary>
public sealed class UpstreamFactsTests
{
    private static readonly GatewayConfig Files = new() { Upstreams = [new UpstreamConfig { Id = "u1" }] };

    private readonly SecretBox box = Box('a');

    [Fact]
    public void A_declared_upstream_comes_after_the_files_with_its_secrets_open()
    {
        var config = Over(Declared("d1"));

        Assert.Equal(["u1", "d1"], config.Upstreams.Select(upstream => upstream.Id));
        Assert.Equal((ConfigOrigin.Operator, 7L, "sk-secret-1234"), (config.Upstreams[1].Origin, config.Upstreams[1].Version!.Value, Assert.Single(config.Upstreams[1].Keys).Reveal()));
        Assert.Equal("user:pass", config.Upstreams[1].Proxy!.UserInfo);
        Assert.DoesNotContain("secret", config.Upstreams[1].Document!.Value.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_wins_over_what_is_declared_under_the_same_id() => Assert.Equal(ConfigOrigin.File, Assert.Single(Over(Declared("u1")).Upstreams).Origin);

    [Fact]
    public void What_cannot_be_opened_here_is_disabled_and_says_which_setting()
    {
        var upstream = Declared("d1").Over(Files, () => Box('b')).Upstreams[1];

        Assert.Equal((false, true), (upstream.Enabled, upstream.Keys.IsEmpty));
        Assert.Contains("secretsKey in server.json", upstream.Fault, StringComparison.Ordinal);
        Assert.NotNull(Declared("d1").Over(Files, secrets: null).Upstreams[1].Fault);
    }

    [Fact]
    public void Orders_hold_for_upstreams_of_the_files_too()
    {
        var facts = With(With(UpstreamFacts.None, 3, UpstreamOrder.Drain), 4, UpstreamOrder.Reset);

        Assert.Equal((true, 4L, false), (Over(facts).Upstreams[0].Drained, Over(facts).Upstreams[0].ResetAt, Over(facts).Upstreams[0].TakesNew));
        Assert.False(Over(With(facts, 5, UpstreamOrder.Resume)).Upstreams[0].Drained);
    }

    [Fact]
    public void A_document_that_this_version_cannot_read_disables_its_upstream_alone()
    {
        var facts = Changed("d1", JsonElement.Parse("""{ "id": "d1", "kind": "of-tomorrow", "url": "http://x" }"""));

        Assert.Equal((false, "u1"), (Over(facts).Upstreams[1].Enabled, Over(facts).Upstreams[0].Id));
        Assert.Contains("of-tomorrow", Over(facts).Upstreams[1].Fault, StringComparison.Ordinal);
    }

    private static SecretBox Box(char key) => new(SecretsKey.Parse(new string(key, 32))!);

    private GatewayConfig Over(UpstreamFacts facts) => facts.Over(Files, () => box);

    private UpstreamFacts Declared(string id) => Changed(id, UpstreamSecrets.Seal(
        (JsonObject)JsonNode.Parse($$"""{ "id": "{{id}}", "url": "http://127.0.0.1:1", "key": "sk-secret-1234", "proxy": "http://user:pass@127.0.0.1:9" }""")!, id, box));

    private static UpstreamFacts Changed(string id, JsonElement document) => UpstreamFacts.None.With(
        7, EventTypes.UpstreamChanged, EventRecord.From(new UpstreamChanged { UpstreamId = id, Document = document, By = "admin", At = Events.Noon }).Data);

    private static UpstreamFacts With(UpstreamFacts facts, long position, UpstreamOrder order) => facts.With(
        position, EventTypes.UpstreamOrdered, EventRecord.From(new UpstreamOrdered { UpstreamId = "u1", Order = order, By = "admin", At = Events.Noon }).Data);
}
