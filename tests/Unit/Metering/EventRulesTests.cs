using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Metering;

public sealed class EventRulesTests
{
    [Fact]
    public void An_event_as_the_proxy_writes_it_breaks_no_rule() => Assert.Null(EventRules.Violation(Events.Record()));

    [Fact]
    public void A_price_book_breaks_no_rule()
    {
        var published = new PriceBookPublished { EventId = Guid.CreateVersion7(Events.Noon), PublishedAt = Events.Noon };
        Assert.Null(EventRules.Violation(EventRecord.From(published)));
        Assert.Equal("Stream 'usage' is not 'prices'", EventRules.Violation(EventRecord.From(published) with { Stream = "usage" }));
    }

    [Theory]
    [InlineData("{}", "the change changes nothing")]
    [InlineData("""{"Withdrawn":[{"Model":""}]}""", "an entry of Withdrawn has no Model")]
    [InlineData("""{"Book":{"Prices":[{"Model":"m","PerMillion":{"Input":-1}}]}}""", "Book.Prices[0] has the rate -1")]
    [InlineData("""{"Book":{"Prices":[{"Model":"m","Speed":{"fast":{"PerMillion":{"CacheRead":1000001}}}}]}}""", "Book.Prices[0] has the rate 1000001")]
    [InlineData("""{"Book":{"Prices":[{"Model":"m","AboveInputTokens":[{"Tokens":1,"PerMillion":{"Output":-2}}]}]}}""", "Book.Prices[0] has the rate -2")]
    [InlineData("""{"Book":{"Prices":[{"Model":"m","PerMillion":null}]}}""", "Book.Prices[0] has rates that are null")]
    [InlineData("""{"Book":{"Prices":[{"Model":"m","ServiceTier":{"batch":-0.5}}]}}""", "Book.Prices[0] has the multiplier -0.5 for batch")]
    [InlineData("""{"Book":{"Prices":[{"Model":"m","PerThousand":{"WebSearch":-1}}]}}""", "Book.Prices[0].PerThousand.WebSearch is -1")]
    [InlineData("""{"Book":{"Prices":[{"Model":""}]}}""", "Book.Prices[0].Model is empty")]
    [InlineData("""{"Book":{"Prices":[null]}}""", "Book.Prices[0] is null")]
    [InlineData("""{"Origin":"somebody","Book":{}}""", "Origin 'somebody' is not known to this version")]
    public void A_change_of_prices_that_could_not_be_billed_by_breaks_a_rule(string members, string rule)
    {
        var data = JsonNode.Parse(members)!.AsObject();
        data["Origin"] ??= "operator";
        data["Book"] ??= new JsonObject();
        var record = new EventRecord(Guid.CreateVersion7(Events.Noon), "prices", EventTypes.PriceBookPublished, Events.Noon, data.ToJsonString());

        Assert.Equal(rule, EventRules.Violation(record));
    }

    [Fact]
    public void Members_of_a_newer_version_break_no_rule() => Assert.Null(EventRules.Violation(Changed(data => data["Invented"] = "later")));

    [Theory]
    [InlineData("RequestId", "\"0190a6a0-0000-7000-8000-000000000000\"", "is not the RequestId")]
    [InlineData("TenantId", "\"\"", "TenantId is empty")]
    [InlineData("TenantId", "\"bob\"", "Stream 'usage/alice/2026-11-21' is not 'usage/bob/2026-11-21'")]
    [InlineData("AdmittedAt", "\"2026-11-22T00:00:00Z\"", "is not 'usage/alice/2026-11-22'")]
    [InlineData("AdmittedAt", "\"0001-01-01T00:00:00Z\"", "AdmittedAt is missing")]
    [InlineData("SpendUsd", "-0.01", "SpendUsd is -0.01")]
    [InlineData("SpendUsd", "1000001", "SpendUsd is 1000001")]
    [InlineData("SpendUsd", "\"much\"", "Data is not a request_completed")]
    [InlineData("HeldUsd", "-1", "HeldUsd is -1")]
    [InlineData("Usage", "{\"OutputTokens\":-1}", "OutputTokens is -1")]
    [InlineData("Usage", "{\"InputTokens\":9223372036854775807}", "InputTokens is 9223372036854775807")]
    [InlineData("Usage", "null", "Usage is null")]
    [InlineData("Attempts", "null", "Attempts is null")]
    [InlineData("Attempts", "[null]", "Attempts[0] is null")]
    [InlineData("Attempts", "[{\"Usage\":{\"CacheReadTokens\":-5}}]", "Attempts[0].CacheReadTokens is -5")]
    [InlineData("Attempts", "[{\"Usage\":{}},{\"Usage\":{},\"SpendUsd\":-5}]", "Attempts[1].SpendUsd is -5")]
    [InlineData("Outcome", "\"Exploded\"", "Data is not a request_completed")]
    public void An_event_that_breaks_a_rule_says_which(string member, string value, string violation) =>
        Assert.Contains(violation, EventRules.Violation(Changed(data => data[member] = JsonNode.Parse(value))), StringComparison.Ordinal);

    [Fact]
    public void What_surrounds_the_data_has_rules_too()
    {
        var record = Events.Record();
        Assert.Equal("Id is empty", EventRules.Violation(record with { Id = Guid.Empty }));
        Assert.Equal("Timestamp is missing", EventRules.Violation(record with { Timestamp = default }));
        Assert.Equal("Type 'request_imagined' is not known to this version", EventRules.Violation(record with { Type = "request_imagined" }));
        Assert.Equal("Data is null", EventRules.Violation(record with { Data = "null" }));
        Assert.Equal("a field is missing", EventRules.Violation(JsonSerializer.Deserialize<EventRecord>("{}")!));
    }

    private static EventRecord Changed(Action<JsonNode> change)
    {
        var record = Events.Record();
        var data = JsonNode.Parse(record.Data)!;
        change(data);
        return record with { Data = data.ToJsonString() };
    }
}
