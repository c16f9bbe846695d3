using CCGate.Contracts;

namespace CCGate.Tests.Unit.Projections;

public sealed class PicodollarsTests
{
    [Theory]
    [InlineData("0.000000000001", 1)]
    [InlineData("0.0144774", 14_477_400_000)]
    [InlineData("-2.5", -2_500_000_000_000)]
    [InlineData("9000000", 9_000_000_000_000_000_000)]
    public void An_amount_goes_there_and_back_unchanged(string usd, long picodollars)
    {
        var amount = decimal.Parse(usd, System.Globalization.CultureInfo.InvariantCulture);

        Assert.Equal(picodollars, Picodollars.FromUsd(amount));
        Assert.Equal(amount, Picodollars.ToUsd(picodollars));
    }

    [Theory]
    [InlineData("0.0000000000001")]
    [InlineData("9300000")]
    [InlineData("79228162514264337593543950335")]
    public void An_amount_that_would_have_to_be_rounded_or_cut_is_refused(string usd) => Assert.Throws<ArgumentOutOfRangeException>(
        () => Picodollars.FromUsd(decimal.Parse(usd, System.Globalization.CultureInfo.InvariantCulture)));
}
