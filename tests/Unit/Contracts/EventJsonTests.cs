using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Tests.Unit.Contracts;

/// <summary>Events are read for ever: by versions that know less and by versions that know more than the one that wrote them.</summary>
public sealed class EventJsonTests
{
    [Fact]
    public void What_an_old_event_lacks_has_its_default()
    {
        var completed = JsonSerializer.Deserialize("""{"RequestId":"01a1fd91-b149-7790-85bd-ffc4f54ce66a","Attempts":[{"Number":1}]}""", ContractsJson.Default.RequestCompleted)!;

        Assert.Equal(("", "", 0m), (completed.TenantId, completed.ProxyInstance, completed.SpendUsd));
        Assert.Equal(0, completed.Usage.TotalTokens);
        var attempt = Assert.Single(completed.Attempts);
        Assert.Equal((1m, UsageState.Unknown, 0L), (attempt.CostMultiplier, attempt.UsageState, attempt.Usage.OutputTokens));
    }

    [Fact]
    public void What_a_newer_version_wrote_is_kept()
    {
        const string Newer = """{"RequestId":"01a1fd91-b149-7790-85bd-ffc4f54ce66a","Attempts":[{"Number":1,"Usage":{"InputTokens":5,"AudioTokens":7},"Carbon":{"g":1.50}}],"Region":"eu"}""";

        var text = JsonSerializer.Serialize(JsonSerializer.Deserialize(Newer, ContractsJson.Default.RequestCompleted)!, ContractsJson.Default.RequestCompleted);

        Assert.Contains("\"AudioTokens\":7", text, StringComparison.Ordinal);
        Assert.Contains("\"Carbon\":{\"g\":1.50}", text, StringComparison.Ordinal);
        Assert.Contains("\"Region\":\"eu\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_as_declared_enums_are_words_and_money_is_exact()
    {
        var text = EventRecord.From(new RequestCompleted { RequestId = Guid.CreateVersion7(), Outcome = RequestOutcome.ClientAborted, SpendUsd = 0.0144774m }).Data;

        Assert.Contains("\"Outcome\":\"ClientAborted\"", text, StringComparison.Ordinal);
        Assert.Contains("\"SpendUsd\":0.0144774,", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_book_that_lacks_what_came_later_still_prices()
    {
        var book = JsonSerializer.Deserialize("""{"Book":{"Version":"1","Prices":[{"Model":"m*","EffectiveFrom":"2025-01-01","PerMillion":{"Input":3,"Output":15}}]}}""", ContractsJson.Default.PriceBookPublished)!.Book;

        Assert.Equal(0.000018m, book.Spend("m1", new TokenUsage { InputTokens = 1, OutputTokens = 1 }, DateTimeOffset.UnixEpoch.AddYears(60), 1m));
    }
}
