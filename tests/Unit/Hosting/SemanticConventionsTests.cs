using CCGate.Hosting.Telemetry;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>The variable by which the names of generative AI are chosen.</summary>
public sealed class SemanticConventionsTests
{
    [Theory]
    [InlineData(null, nameof(GenAiConventions.Legacy))]
    [InlineData("http/dup", nameof(GenAiConventions.Legacy))]
    [InlineData("http, gen_ai_latest_experimental", nameof(GenAiConventions.Latest))]
    [InlineData("gen_ai_latest_experimental/dup", nameof(GenAiConventions.Both))]
    public void The_newest_names_are_spoken_when_they_are_asked_for(string? variable, string expected) =>
        Assert.Equal(expected, SemanticConventions.From(name => name == SemanticConventions.Variable ? variable : null).GenAi.ToString());
}
