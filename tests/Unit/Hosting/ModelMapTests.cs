using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>Names of models and what each stands for.</summary>
public sealed class ModelMapTests
{
    private static readonly ModelMap Map = new([new("*", "any"), new("claude-*", "claude"), new("claude-*-haiku*", "haiku"), new("claude-3-haiku", "old haiku"), new("*-haiku-4-5", "new haiku")]);

    [Theory]
    [InlineData("Claude-3-Haiku", "old haiku")]
    [InlineData("claude-3-5-haiku-20241022", "haiku")]
    [InlineData("claude-haiku-4-5", "new haiku")]
    [InlineData("claude-opus-4-1", "claude")]
    [InlineData("gpt-5", "any")]
    public void A_name_comes_before_a_pattern_and_a_pattern_that_says_more_before_one_that_says_less(string model, string target) => Assert.Equal(target, Map.Find(model));

    [Fact]
    public void What_is_not_named_stands_for_itself()
    {
        Assert.Null(ModelMap.Empty.Find("claude-3-haiku"));
        Assert.Null(new ModelMap([new("gpt-*", "x")]).Find("claude-3-haiku"));
    }

    [Fact]
    public void Own_entries_replace_those_of_the_same_name_and_leave_the_others()
    {
        var map = new ModelMap([new("CLAUDE-*", "own"), new("fast", "own")]).Over(Map);

        Assert.Equal(["own", "own", "old haiku", "any"], new[] { "claude-opus-4-1", "fast", "claude-3-haiku", "gpt-5" }.Select(map.Find));
        Assert.Equal(["claude-3-haiku", "fast"], map.Names.Order(StringComparer.Ordinal));
    }
}
