using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>A secret is shown to nobody who does not ask for it by name.</summary>
public sealed class SecretTests
{
    private static readonly Secret Key = new("sk-hidden");

    [Fact]
    public void It_is_printed_and_serialized_as_stars_and_revealed_on_demand()
    {
        Assert.Equal("***", $"{Key}");
        Assert.Equal("\"***\"", JsonSerializer.Serialize(Key));
        Assert.Equal("sk-hidden", Key.Reveal());
    }

    [Fact]
    public void It_is_never_read_back_from_what_was_written_hidden() => Assert.Throws<NotSupportedException>(() => JsonSerializer.Deserialize<Secret>("\"***\""));

    [Fact]
    public void Two_of_the_same_text_are_the_same()
    {
        Assert.Equal(Key, new Secret("sk-hidden"));
        Assert.NotEqual(Key, new Secret("sk-other"));
        Assert.Single(new[] { Key, new Secret("sk-hidden") }.Distinct());
    }

    [Fact]
    public void What_holds_one_can_be_serialized_without_it()
    {
        var upstream = JsonSerializer.Serialize(new { Keys = new[] { Key }, new EmailConfig("h", 25, SmtpSecurity.None, "me", Key, "a@b", []).Password });

        Assert.DoesNotContain("hidden", upstream, StringComparison.Ordinal);
    }
}
