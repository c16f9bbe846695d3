using CCGate.Proxy.Translation.Anthropic;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>What the name of a model tells.</summary>
public sealed class ClaudeModelTests
{
    [Theory]
    [InlineData("claude-3-opus-20240229", "opus", 30, 4096)]
    [InlineData("claude-3-5-sonnet-20241022", "sonnet", 35, 8192)]
    [InlineData("claude-3-7-sonnet-latest", "sonnet", 37, 64_000)]
    [InlineData("claude-opus-4-20250514", "opus", 40, 32_000)]
    [InlineData("claude-opus-4-1", "opus", 41, 32_000)]
    [InlineData("claude-sonnet-4-20250514", "sonnet", 40, 64_000)]
    [InlineData("us.anthropic.claude-opus-4-6-v1:0", "opus", 46, 64_000)]
    [InlineData("anthropic/claude-Fable-5.1", "fable", 51, 64_000)]
    [InlineData("claude-sonnet-4-5@20250929", "sonnet", 45, 64_000)]
    [InlineData("claude-opus-5-5[1m]", "opus", 55, 64_000)]
    [InlineData("claude-mythos-preview", "mythos", int.MaxValue, 64_000)]
    [InlineData("glm-5.2", "", int.MaxValue, 64_000)]
    public void The_family_the_version_and_the_most_output_are_told_by_the_name(string name, string family, int version, long most)
    {
        var model = ClaudeModel.Of(name);

        Assert.Equal((family, version, most), (model.Family, model.Version, model.MaxOutputTokens));
    }

    [Theory]
    [InlineData("claude-3-5-haiku-20241022", false, false, false, false)]
    [InlineData("claude-sonnet-4-5", true, false, false, false)]
    [InlineData("claude-opus-4-6", true, true, false, false)]
    [InlineData("claude-opus-5", true, true, true, false)]
    [InlineData("claude-opus-5-5", true, true, true, true)]
    [InlineData("claude-fable-5", true, true, true, true)]
    [InlineData("glm-5.2", true, false, false, false)]
    public void How_it_thinks_is_told_by_the_version(string name, bool thinks, bool adaptively, bool byDefault, bool always)
    {
        var model = ClaudeModel.Of(name);

        Assert.Equal((thinks, adaptively, byDefault, always), (model.Thinks, model.ThinksAdaptively, model.ThinksByDefault, model.AlwaysThinks));
    }
}
