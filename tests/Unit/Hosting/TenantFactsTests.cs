using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>The tenants and keys that operators made at run time, laid over those of the files.</summary>
public sealed class TenantFactsTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly GatewayConfig files = Files("""{ "tenants": [ { "id": "team", "keys": [], "modelAliases": { "fast": "claude-haiku" } }, { "id": "filed", "key": "secret-of-filed" } ] }""");

    private AdministrationFacts facts = AdministrationFacts.None;

    [Fact]
    public void A_declared_tenant_comes_after_those_of_the_files_and_has_what_its_parent_has()
    {
        var position = Declare("kim", """{ "id": "kim", "name": "Kim", "parent": "team", "limits": { "daily": { "maxUSD": 5 } }, "note": "intern" }""");

        var kim = Tenant("kim");

        Assert.Equal((ConfigOrigin.Operator, position, "Kim", "intern", 5m), (kim.Origin, kim.Version, kim.Name, kim.Note, kim.DailyMaxUsd));
        Assert.Equal("claude-haiku", kim.ModelAliases.Find("fast"));
        Assert.Equal(["team", "filed", "kim"], facts.Over(files).Tenants.Select(tenant => tenant.Id));
    }

    [Fact]
    public void A_tenant_of_a_file_comes_before_a_declared_one_of_the_same_id()
    {
        Declare("filed", """{ "id": "filed", "name": "Another" }""");

        Assert.Equal((ConfigOrigin.File, "filed"), (Tenant("filed").Origin, Tenant("filed").Name));
        Assert.Contains("\"filed\"", Assert.Single(facts.Over(files).Ignored), StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_of_the_environment_is_for_files_only()
    {
        Declare("kim", """{ "id": "kim", "name": "${PATH}" }""");

        Assert.Equal("${PATH}", Tenant("kim").Name);
    }

    [Fact]
    public void Whoever_is_below_a_disabled_or_expired_tenant_is_disabled_or_expired()
    {
        Declare("top", """{ "id": "top", "enabled": false, "expiresAt": "2026-12-01T00:00:00Z" }""");
        Declare("below", """{ "id": "below", "parent": "top" }""");

        Assert.Equal((false, new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero)), (Tenant("below").Enabled, Tenant("below").ExpiresAt));
    }

    [Fact]
    public void A_tenant_whose_parent_has_gone_is_disabled_rather_than_free_of_its_limits()
    {
        Declare("kim", """{ "id": "kim", "parent": "team" }""");
        Declare("lee", """{ "id": "lee", "parent": "kim" }""");

        var without = facts.Over(Files("""{ "tenants": [] }"""));

        Assert.All(without.Tenants, tenant => Assert.False(tenant.Enabled));
        Assert.Equal(2, without.Ignored.Length);
        Assert.True(Tenant("lee").Enabled);
    }

    [Fact]
    public void Tenants_in_a_ring_are_disabled()
    {
        Declare("a", """{ "id": "a", "parent": "b" }""");
        Declare("b", """{ "id": "b", "parent": "a" }""");

        Assert.Equal((false, false), (Tenant("a").Enabled, Tenant("b").Enabled));
    }

    [Fact]
    public void A_tenant_that_this_version_cannot_read_is_left_out_with_the_reason()
    {
        Declare("kim", """{ "id": "kim", "limits": { "hourly": { "maxUSD": 5 } } }""");

        var config = facts.Over(files);

        Assert.Null(config.FindTenant("kim"));
        Assert.Contains("hourly", Assert.Single(config.Ignored), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("filed")]
    [InlineData("kim")]
    public void A_key_is_issued_to_a_tenant_of_either_origin(string tenant)
    {
        Declare("kim", """{ "id": "kim" }""");
        Issue(tenant, "laptop", "secret-1", limits: """{ "requestsPerMinute": 3 }""");

        var found = Find("secret-1");

        Assert.Equal((tenant, "laptop", 3L, ConfigOrigin.Operator), (found!.Tenant.Id, found.Key.Id, found.Key.Limits.RequestsPerMinute, found.Key.Origin));
    }

    [Fact]
    public void A_secret_names_one_tenant_only_and_the_first_keeps_it()
    {
        Declare("kim", """{ "id": "kim" }""");
        Issue("kim", "one", "secret-of-filed");
        Issue("kim", "two", "secret-2");
        Issue("filed", "three", "secret-2");

        Assert.Equal(("filed", "kim"), (Find("secret-of-filed")!.Tenant.Id, Find("secret-2")!.Tenant.Id));
        Assert.Equal(2, facts.Over(files).Ignored.Length);
    }

    [Fact]
    public void A_replaced_secret_works_until_the_overlap_ends_and_not_longer_than_the_one_before_it()
    {
        Issue("filed", "laptop", "first");
        Issue("filed", "laptop", "second", overlapUntil: Now.AddMinutes(10));

        Assert.Null(Find("first")!.Refusal(Now.AddMinutes(9)));
        Assert.Contains("new secret", Find("first")!.Refusal(Now.AddMinutes(10))!.Message, StringComparison.Ordinal);
        Assert.Null(Find("second")!.Refusal(Now.AddYears(1)));

        Issue("filed", "laptop", "third");

        Assert.Equal((true, true, false), (Find("first") is null, Find("second") is null, Find("third") is null));
    }

    [Fact]
    public void A_revoked_key_is_not_found_nor_is_a_secret_it_had_before()
    {
        Issue("filed", "laptop", "first");
        Issue("filed", "laptop", "second", overlapUntil: Now.AddMinutes(10));

        Append(new KeyRevoked { TenantId = "filed", KeyId = "laptop", By = "admin", At = Now });

        Assert.Equal((true, true), (Find("first") is null, Find("second") is null));
        Assert.NotNull(facts.Tenants.Keys[("filed", "laptop")].RevokedAt);
    }

    [Fact]
    public void Whoever_is_declared_anew_does_not_get_the_keys_of_a_removed_tenant()
    {
        Declare("kim", """{ "id": "kim" }""");
        Issue("kim", "laptop", "first");
        Declare("kim", null);
        Declare("kim", """{ "id": "kim" }""");

        Assert.Null(Find("first"));
    }

    [Theory]
    [InlineData("2026-11-21T12:00:00Z", true)]
    [InlineData("2026-11-21T12:00:01Z", false)]
    public void A_tenant_is_refused_from_the_instant_it_expires(string expiresAt, bool refused)
    {
        Declare("kim", $$"""{ "id": "kim", "expiresAt": "{{expiresAt}}" }""");
        Issue("kim", "laptop", "first");

        Assert.Equal(refused, Find("first")!.Refusal(Now) is { IsTenant: true });
    }

    [Fact]
    public void A_thousand_tenants_with_five_thousand_keys_are_put_into_force_quickly()
    {
        for (var tenant = 0; tenant < 1000; tenant++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"tenant-{tenant}");
            Declare(id, $$"""{ "id": "{{id}}", "parent": "team" }""");
            for (var key = 0; key < 5; key++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"key-{key}");
                Issue(id, name, $"secret of {id} {name}");
            }
        }

        var source = new ConfigSource(files);
        var directory = new TenantDirectory(source);
        source.Replace(facts);
        var took = Enumerable.Range(0, 10).Min(_ =>
        {
            Declare("tenant-7", """{ "id": "tenant-7", "name": "Changed" }""");
            var start = Stopwatch.GetTimestamp();
            source.Replace(facts);
            return Stopwatch.GetElapsedTime(start);
        });

        Assert.Equal("Changed", directory.Find("secret of tenant-7 key-3")!.Tenant.Name);
        Assert.True(took < TimeSpan.FromMilliseconds(40), $"it took {took}");
    }

    private static GatewayConfig Files(string tenants)
    {
        var problems = new List<ConfigProblem>();
        var config = TenantsFile.Read(new ConfigNode(JsonElement.Parse(tenants), TenantsFile.Name, "$", problems), new GatewayConfig());
        Assert.Empty(problems);
        return config;
    }

    private TenantConfig Tenant(string id) => facts.Over(files).FindTenant(id)!;

    private TenantKey? Find(string secret) => new TenantDirectory(new ConfigSource(facts.Over(files))).Find(secret);

    private long Declare(string id, string? document) => Append(new TenantChanged
    {
        TenantId = id,
        Change = document is null ? DeclarationChange.Removed : DeclarationChange.Updated,
        Document = document is null ? null : JsonElement.Parse(document),
        By = "admin",
        At = Now,
    });

    private void Issue(string tenant, string id, string secret, string? limits = null, DateTimeOffset? overlapUntil = null) => Append(new KeyIssued
    {
        TenantId = tenant,
        KeyId = id,
        SecretHash = SecretHash.Of(secret).Written,
        Limits = limits is null ? null : JsonElement.Parse(limits),
        OverlapUntil = overlapUntil,
        By = "admin",
        At = Now,
    });

    private long Append(TenantChanged changed) => Append(EventRecord.From(changed));

    private void Append(KeyIssued issued) => Append(EventRecord.From(issued));

    private void Append(KeyRevoked revoked) => Append(EventRecord.From(revoked));

    private long Append(EventRecord record)
    {
        facts = facts.With(facts.Position + 1, record.Type, record.Data);
        return facts.Position;
    }
}
