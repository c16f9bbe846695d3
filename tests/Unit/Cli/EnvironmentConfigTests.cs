using CCGate.Cli.Commands;
using CCGate.Cli.Hosts;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Cli;

public sealed class EnvironmentConfigTests
{
    [Fact]
    public void Without_an_access_key_the_environment_configures_nothing() =>
        Assert.Null(Read(("ANTHROPIC_API_KEY", "sk-1"), ("OPENAI_API_KEY", "sk-2")));

    [Fact]
    public void Each_key_of_a_provider_is_an_upstream()
    {
        var config = Read(("PROXY_ACCESS_KEY", "mine"), ("ANTHROPIC_API_KEY", "sk-1,sk-2"), ("OPENAI_API_KEY", "sk-3"), ("GOOGLE_API_KEY", "g"))!.Config;

        Assert.Equal(
            [("anthropic", UpstreamKind.Anthropic, "https://api.anthropic.com/"), ("openai", UpstreamKind.OpenAiResponses, "https://api.openai.com/"), ("gemini", UpstreamKind.Gemini, "https://generativelanguage.googleapis.com/")],
            config.Upstreams.Select(upstream => (upstream.Id, upstream.Kind, upstream.Url!.AbsoluteUri)));
        Assert.Equal(["sk-1", "sk-2"], config.Upstreams[0].Keys.Select(key => key.Reveal()));
        Assert.Equal(SecretHash.Of("mine"), Assert.Single(Assert.Single(config.Tenants).Keys).Secret);
    }

    [Fact]
    public void An_address_of_ones_own_speaks_chat_completions()
    {
        var upstream = Assert.Single(Read(("PROXY_ACCESS_KEY", "mine"), ("OPENAI_API_KEY", "sk"), ("OPENAI_BASE_URL", "https://models.example/v1"))!.Config.Upstreams);

        Assert.Equal((UpstreamKind.OpenAi, "https://models.example/v1"), (upstream.Kind, upstream.Url!.AbsoluteUri));
    }

    [Theory]
    [InlineData("round-robin", nameof(KeyRotation.RoundRobin))]
    [InlineData("random", nameof(KeyRotation.Random))]
    [InlineData("failover", nameof(KeyRotation.First))]
    public void The_strategy_is_the_order_of_the_keys(string strategy, string rotation) =>
        Assert.Equal(rotation, Read(("PROXY_ACCESS_KEY", "mine"), ("ANTHROPIC_API_KEY", "sk"), ("LOAD_BALANCE_STRATEGY", strategy))!.Config.Upstreams[0].KeyRotation.ToString());

    [Fact]
    public void Where_it_listens_and_who_operates_it_can_be_said()
    {
        var own = Read(("PROXY_ACCESS_KEY", "mine"), ("ANTHROPIC_API_KEY", "sk"), ("HOST", "0.0.0.0"), ("PORT", "8080"), ("ADMIN_ACCESS_KEY", "operator"))!;

        Assert.Equal(("0.0.0.0", 8080, "operator"), (own.Config.Server.Host, own.Config.Server.Port, own.Password));
        Assert.Equal(SecretHash.Of("operator"), own.Config.Admin!.Password);
    }

    [Theory]
    [InlineData("ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "http://127.0.0.1:1")]
    [InlineData("PORT", "PORT", "many")]
    [InlineData("LOAD_BALANCE_STRATEGY", "LOAD_BALANCE_STRATEGY", "best")]
    [InlineData("ANTHROPIC_BASE_URL", "ANTHROPIC_BASE_URL", "http://127.0.0.1:3000")]
    public void What_cannot_work_names_the_variable(string named, string variable, string value)
    {
        var key = variable == "OPENAI_BASE_URL" ? ("ANTHROPIC_API_KEY", "") : ("ANTHROPIC_API_KEY", "sk-secret");

        var failure = Assert.Throws<CommandFailedException>(() => Read(("PROXY_ACCESS_KEY", "mine"), key, (variable, value)));

        Assert.Contains(named, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("sk-secret", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_said_at_the_start_has_no_secret()
    {
        var welcome = string.Join('\n', Read(("PROXY_ACCESS_KEY", "secret-mine"), ("ANTHROPIC_API_KEY", "secret-sk"))!.Welcome("http://127.0.0.1:3000"));

        Assert.Contains("anthropic", welcome, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", welcome, StringComparison.Ordinal);
    }

    private static EnvironmentConfig? Read(params (string Name, string Value)[] variables) =>
        EnvironmentConfig.From(name => Array.FindLast(variables, variable => variable.Name == name).Value);
}
