using System.Collections.Immutable;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Tenants;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Unit.Proxy.Tenants;

/// <summary>Which upstreams serve a call. An upstream is written as <c>id=kind models…</c>, with <c>name:target</c> for what it maps.</summary>
public sealed class ModelAccessTests
{
    private const string One = "a=anthropic *; c=openai *; r=openai-responses *; g=gemini *";

    private readonly ManualTimeProvider time = new(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
    private readonly TenantConfig tenant = new() { Id = "alice" };

    [Theory]
    [InlineData("claude-sonnet-4-5", "a", "a", "a", "a")]
    [InlineData("gpt-5", "c r", "c", "r", "c r")] // One of OpenAI's clients stays with its own protocol.
    [InlineData("gemini-2.5-pro", "g", "g", "g", "g")]
    [InlineData("claude-from-the-future", "a", "a", "a", "a")]
    [InlineData("codex-mini-latest", "c r", "c", "r", "c r")]
    [InlineData("O3-next", "c r", "c", "r", "c r")]
    [InlineData("nobody-s", "a", "c", "r", "g")] // Nobody knows whose it is: nothing need be translated.
    [InlineData("gpt-house", "a", "c", "r", "g")] // Its price says that it is not OpenAI's.
    [InlineData("house-claude", "a", "a", "a", "a")] // Its price says whose it is.
    [InlineData("gpt-unsaid", "c r", "c", "r", "c r")]
    public void A_model_is_served_by_upstreams_of_its_maker_s_kind(string model, string anthropic, string chat, string responses, string gemini) =>
        Assert.Equal([anthropic, chat, responses, gemini], EveryClient(model, One));

    [Theory]
    [InlineData("claude-sonnet-4-5", "a=openai claude-*; b=anthropic *; c=gemini claude-sonnet-4-5:x; d=openai *", "a b c")]
    [InlineData("claude-sonnet-4-5", "a=openai claude-*; c=openai *", "a")]
    [InlineData("claude-sonnet-4-5", "a=openai * claude-*; c=openai *", "a")]
    [InlineData("claude-haiku-4-5", "a=openai claude-*haiku*:gpt-5-mini; c=openai *", "a")]
    [InlineData("nobody-s", "a=gemini nobody-s; b=anthropic *; c=anthropic other", "a")]
    [InlineData("claude-sonnet-4-5", "a=anthropic gpt-*; c=openai *", "c")]
    [InlineData("claude-sonnet-4-5", "a=anthropic gpt-*", "")]
    [InlineData("claude-sonnet-4-5", "a=simulator *; c=openai *", "a")]
    [InlineData("gpt-5", "a=anthropic *; g=gemini *", "a")]
    [InlineData("gpt-5", "c=openai-responses *; g=gemini *; x=openai gpt-5", "c x")]
    [InlineData("nobody-s", "c=openai *; g=gemini *", "c g")]
    [InlineData("claude-sonnet-4-5", "a=anthropic *; b=anthropic **; c=anthropic claude-*", "a b c")]
    public void Upstreams_that_name_a_model_serve_it_with_those_of_its_maker_s_kind_and_others_only_without_them(string model, string upstreams, string serving) =>
        Assert.Equal(serving, Serving(model, UpstreamKind.Anthropic, upstreams));

    [Fact]
    public void A_call_that_is_not_translated_stays_with_its_own_kind()
    {
        Assert.Equal("c", Serving("claude-sonnet-4-5", UpstreamKind.OpenAi, One, anyKind: false));
        Assert.Equal("c", Serving("text-embedding-3-small", UpstreamKind.OpenAi, "c=openai *; a=gemini text-*", anyKind: false));
        Assert.Equal("", Serving("claude-sonnet-4-5", UpstreamKind.Gemini, "a=anthropic *; c=openai claude-*", anyKind: false));
        Assert.Equal("s", Serving("claude-sonnet-4-5", UpstreamKind.Anthropic, "s=simulator *; c=openai claude-*", anyKind: false));
    }

    [Fact]
    public void One_of_weight_0_stays_for_what_it_has_served_and_is_no_reason_to_leave_others_out()
    {
        Assert.Equal("a b", Serving("claude-sonnet-4-5", UpstreamKind.Anthropic, "a/0=anthropic *; b=anthropic *; c=openai *"));
        Assert.Equal("a c", Serving("claude-sonnet-4-5", UpstreamKind.Anthropic, "a/0=openai claude-*; c=openai *"));
        Assert.Equal("", Serving("claude-sonnet-4-5", UpstreamKind.Anthropic, "a/0=anthropic *"));
    }

    [Fact]
    public void When_all_serve_nothing_is_copied()
    {
        var pool = Pool("a=anthropic *; b=openai claude-*");

        var route = new ModelAccess(pool).Resolve(CallFor("claude-sonnet-4-5", UpstreamKind.Anthropic), tenant, Prices(), time.GetUtcNow());

        Assert.True(pool.Current == route.Upstreams);
    }

    [Fact]
    public void More_upstreams_than_usual_are_as_many_as_they_are()
    {
        var upstreams = string.Join("; ", Enumerable.Range(0, 100).Select(number => $"u{number}={(number % 2 == 0 ? "anthropic" : "openai")} *"));

        Assert.Equal(50, Serving("claude-sonnet-4-5", UpstreamKind.Anthropic, upstreams).Split(' ').Length);
    }

    [Theory]
    [InlineData(nameof(UpstreamKind.OpenAi), true, "fast", "claude-haiku-4-5")] // The alias first, then what it is taken for here.
    [InlineData(nameof(UpstreamKind.OpenAiResponses), true, "gpt-4o", "claude-sonnet-4-5")]
    [InlineData(nameof(UpstreamKind.OpenAi), false, "gpt-4o", "gpt-4o")]
    [InlineData(nameof(UpstreamKind.OpenAi), false, "embed", "text-embedding-3-small")]
    [InlineData(nameof(UpstreamKind.OpenAi), true, "gpt-5", "claude-opus-4-1")]
    [InlineData(nameof(UpstreamKind.OpenAi), true, "claude-sonnet-4-5", "claude-sonnet-4-5")]
    [InlineData(nameof(UpstreamKind.OpenAi), true, "named", "named")]
    [InlineData(nameof(UpstreamKind.Anthropic), true, "fast", "gpt-4-fast")]
    [InlineData(nameof(UpstreamKind.Anthropic), true, "gpt-5", "gpt-5")]
    [InlineData(nameof(UpstreamKind.Gemini), true, "gpt-4o", "gpt-4o")]
    public void A_name_stands_for_what_the_tenant_and_then_the_OpenAI_surfaces_say(string client, bool anyKind, string named, string model)
    {
        var asking = tenant with { ModelAliases = new ModelMap([new("fast", "gpt-4-fast"), new("embed", "text-embedding-3-small")]) };
        var config = new GatewayConfig
        {
            Prices = Prices(),
            OpenAi = new OpenAiConfig { Models = new ModelMap([new("gpt-4*", "claude-sonnet-4-5"), new("gpt-4-fast", "claude-haiku-4-5")]), DefaultModel = "claude-opus-4-1" },
        };

        var call = new ModelAccess(Pool("a=anthropic *; g=gemini named")).Rename(CallFor(named, Enum.Parse<UpstreamKind>(client), anyKind), asking, config, time.GetUtcNow());

        Assert.Equal((model, named), (call.Model, call.NamedModel));
    }

    [Theory]
    [InlineData("c=openai *", "nobody-s")]
    [InlineData("r=openai-responses *", "claude-opus-4-1")]
    [InlineData("c/0=openai *; a=anthropic *", "claude-opus-4-1")]
    public void The_default_stands_in_where_no_upstream_of_the_client_s_own_protocol_takes_what_comes(string upstreams, string model)
    {
        var config = new GatewayConfig { Prices = Prices(), OpenAi = new OpenAiConfig { DefaultModel = "claude-opus-4-1" } };

        Assert.Equal(model, new ModelAccess(Pool(upstreams)).Rename(CallFor("nobody-s", UpstreamKind.OpenAi), tenant, config, time.GetUtcNow()).Model);
    }

    [Fact]
    public void What_a_tenant_may_not_use_and_what_nobody_serves_is_refused_with_the_setting_to_change()
    {
        var access = new ModelAccess(Pool("a=anthropic gpt-*"));

        var forbidden = Assert.Throws<RefusedException>(() => Resolve(tenant with { AllowedModels = ["gpt-*"] }, anyKind: true));
        var missing = Assert.Throws<RefusedException>(() => Resolve(tenant, anyKind: true));
        var untranslated = Assert.Throws<RefusedException>(() => Resolve(tenant, anyKind: false));
        var elsewhere = Assert.Throws<RefusedException>(() => new ModelAccess(Pool(One)).Resolve(CallFor("gpt-5", UpstreamKind.OpenAi), tenant with { Groups = ["vip"] }, Prices(), time.GetUtcNow()));

        Assert.Equal([RefusalReason.ModelNotAllowed, RefusalReason.ModelNotFound, RefusalReason.ModelNotFound, RefusalReason.ModelNotFound],
            new[] { forbidden, missing, untranslated, elsewhere }.Select(refused => refused.Refusal.Reason));
        Assert.EndsWith("(tenants.json: allowedModels).", forbidden.Refusal.Message, StringComparison.Ordinal);
        Assert.EndsWith("(upstreams.json: models, modelMapping, groups, weight, enabled; or it is drained).", missing.Refusal.Message, StringComparison.Ordinal);
        Assert.EndsWith("(upstreams.json: kind, models, modelMapping, groups, weight, enabled; or it is drained).", untranslated.Refusal.Message, StringComparison.Ordinal);

        void Resolve(TenantConfig asking, bool anyKind) => access.Resolve(CallFor("claude-sonnet-4-5", UpstreamKind.Anthropic, anyKind), asking, Prices(), time.GetUtcNow());
    }

    private string[] EveryClient(string model, string upstreams) =>
        [.. new[] { UpstreamKind.Anthropic, UpstreamKind.OpenAi, UpstreamKind.OpenAiResponses, UpstreamKind.Gemini }.Select(client => Serving(model, client, upstreams))];

    private string Serving(string model, UpstreamKind client, string upstreams, bool anyKind = true)
    {
        try
        {
            var route = new ModelAccess(Pool(upstreams)).Resolve(CallFor(model, client, anyKind), tenant, Prices(), time.GetUtcNow());
            return string.Join(' ', route.Upstreams.Select(upstream => upstream.Config.Id));
        }
        catch (RefusedException refused) when (refused.Refusal.Reason == RefusalReason.ModelNotFound)
        {
            return "";
        }
    }

    private UpstreamPool Pool(string upstreams) => new(
        new ConfigSource(new GatewayConfig { Upstreams = [.. upstreams.Split("; ").Select(Upstream)] }), time, NullLogger<UpstreamConnections>.Instance);

    private static UpstreamConfig Upstream(string written)
    {
        var words = written.Split(' ');
        var (id, kind) = (words[0].Split('=')[0].Split('/'), words[0].Split('=')[1]);
        return new UpstreamConfig
        {
            Id = id[0],
            Weight = id.Length == 1 ? 100 : 0,
            Kind = Enum.Parse<UpstreamKind>(kind.Replace("-", "", StringComparison.Ordinal), ignoreCase: true),
            Url = new Uri("http://127.0.0.1:1"),
            Models = [.. words[1..].Where(word => !word.Contains(':', StringComparison.Ordinal))],
            ModelMapping = new ModelMap(words[1..].Where(word => word.Contains(':', StringComparison.Ordinal)).Select(word => KeyValuePair.Create(word.Split(':')[0], word.Split(':')[1]))),
        };
    }

    private static Call CallFor(string model, UpstreamKind client, bool anyKind = true) =>
        new(CallKind.Generation, "/", "", model, new RequestBody([], 0)) { Upstreams = client, AnyKind = anyKind };

    private static PriceBook Prices() => new()
    {
        Prices =
        [
            .. PriceBookFile.Shipped.Prices,
            new ModelPrice { Model = "gpt-house", Provider = "house" }, new ModelPrice { Model = "house-claude", Provider = "Anthropic" }, new ModelPrice { Model = "gpt-unsaid" },
        ],
    };
}
