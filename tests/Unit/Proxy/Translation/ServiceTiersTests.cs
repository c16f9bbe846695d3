using CCGate.Proxy.Translation;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class ServiceTiersTests
{
    [Theory]
    [InlineData(null, null, null, null)]
    [InlineData("auto", "auto", "auto", null)]
    [InlineData("default", "default", "standard_only", "standard")]
    [InlineData("standard_only", "default", "standard_only", "standard")]
    [InlineData("STANDARD", "default", "standard_only", "standard")]
    [InlineData("flex", "flex", "dropped", "flex")]
    [InlineData("priority", "priority", "auto", "priority")]
    [InlineData("scale", "scale", "dropped", "dropped")]
    [InlineData("batch", "dropped", "dropped", "dropped")]
    public void A_tier_is_told_in_the_words_of_the_protocol_or_dropped(string? wanted, string? openAi, string? anthropic, string? gemini)
    {
        Assert.Equal(openAi, Told(ServiceTiers.ForOpenAi, wanted));
        Assert.Equal(anthropic, Told(ServiceTiers.ForAnthropic, wanted));
        Assert.Equal(gemini, Told(ServiceTiers.ForGemini, wanted));
    }

    private static string? Told(Func<string?, Losses, string?> tell, string? wanted)
    {
        var losses = new Losses();
        var tier = tell(wanted, losses);
        return losses.Dropped is ["service_tier"] ? "dropped" : tier;
    }
}
