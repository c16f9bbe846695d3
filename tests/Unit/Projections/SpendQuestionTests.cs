using System.Globalization;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Spend;

namespace CCGate.Tests.Unit.Projections;

public sealed class SpendQuestionTests
{
    private static readonly GatewayConfig Config = new()
    {
        Tenants = [new TenantConfig { Id = "nepal", TimeZone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kathmandu") }],
    };

    [Fact]
    public void Dates_are_days_of_the_tenants_own_zone_and_the_last_is_included()
    {
        var question = Read(("tenant", "nepal"), ("from", "2026-11-20"), ("to", "2026-11-21"));

        Assert.Equal(At("2026-11-19T18:15:00Z"), question.From);
        Assert.Equal(At("2026-11-21T18:15:00Z"), question.To);
    }

    [Fact]
    public void A_zone_that_is_asked_for_wins_over_the_tenants() =>
        Assert.Equal(At("2026-11-20T00:00:00Z"), Read(("tenant", "nepal"), ("timezone", "UTC"), ("from", "2026-11-20")).From);

    [Fact]
    public void Instants_are_taken_with_their_offset_also_when_the_plus_arrived_as_a_space()
    {
        var question = Read(("from", "2026-11-21T10:20:00 05:45"), ("to", "2026-11-21T09:00Z"));

        Assert.Equal(At("2026-11-21T04:30:00Z"), question.From);
        Assert.Equal(At("2026-11-21T09:00:00Z"), question.To);
    }

    [Theory]
    [InlineData("from", "yesterday")]
    [InlineData("from", "2026-02-30")]
    [InlineData("to", "2026-11-21T09:00:00")]
    [InlineData("to", "0001-01-01")]
    [InlineData("to", "9999-12-31T23:59:59Z")]
    [InlineData("by", "week")]
    [InlineData("by", "3")]
    [InlineData("timezone", "Mars/Olympus")]
    public void What_cannot_be_understood_is_named_with_what_is_allowed(string name, string value)
    {
        var reader = new SpendQuestionReader(Config);
        reader.Read(asked => asked == name ? value : null);

        Assert.Contains(value, Assert.Single(reader.Errors[name]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_period_that_ends_before_it_begins_is_refused()
    {
        var reader = new SpendQuestionReader(Config);
        reader.Read(asked => asked == "from" ? "2026-11-21" : asked == "to" ? "2026-11-19" : null);

        Assert.Contains("from", reader.Errors.Keys);
    }

    private static SpendQuestion Read(params (string Name, string Value)[] parameters)
    {
        var reader = new SpendQuestionReader(Config);
        var question = reader.Read(name => parameters.FirstOrDefault(parameter => parameter.Name == name).Value);
        Assert.Empty(reader.Errors);
        return question;
    }

    private static DateTimeOffset At(string written) => DateTimeOffset.Parse(written, CultureInfo.InvariantCulture);
}
