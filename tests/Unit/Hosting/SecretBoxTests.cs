using CCGate.Hosting.Secrets;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>What is sealed opens again, with the same key and for the same purpose alone.</summary>
public sealed class SecretBoxTests : IDisposable
{
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("ccgate-test-");

    public void Dispose() => data.Delete(recursive: true);

    [Fact]
    public void What_was_sealed_opens_again()
    {
        var box = Box('a');

        Assert.Equal("sk-ünïcode", box.Unseal("upstream", box.Seal("upstream", "sk-ünïcode")));
        Assert.Equal("", box.Unseal("upstream", box.Seal("upstream", "")));
    }

    [Fact]
    public void What_is_sealed_shows_nothing_and_is_never_the_same_twice()
    {
        var box = Box('a');
        var first = box.Seal("upstream", "a secret");

        Assert.DoesNotContain("secret", first, StringComparison.Ordinal);
        Assert.NotEqual(first, box.Seal("upstream", "a secret"));
    }

    [Fact]
    public void Another_purpose_or_another_key_opens_nothing()
    {
        var box = Box('a').Seal("session", "alice");

        Assert.Null(Box('a').Unseal("upstream", box));
        Assert.Null(Box('b').Unseal("session", box));
    }

    [Theory]
    [InlineData("")]
    [InlineData("v1.")]
    [InlineData("v1.AAAA")]
    [InlineData("v1.!!!!")]
    [InlineData("v2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void What_is_no_box_opens_to_nothing(string text) => Assert.Null(Box('a').Unseal("session", text));

    [Fact]
    public void A_box_that_was_changed_anywhere_opens_to_nothing()
    {
        var box = Box('a').Seal("session", "alice");
        for (var i = 0; i < box.Length; i++)
        {
            var changed = box.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'Q' : 'A';

            Assert.Null(Box('a').Unseal("session", new string(changed)));
        }
    }

    [Fact]
    public void A_short_key_is_none_and_no_key_is_printed()
    {
        Assert.Null(SecretsKey.Parse(new string('x', 31)));
        Assert.DoesNotContain("x", SecretsKey.Parse(new string('x', 32))!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_key_of_a_data_directory_is_made_once_and_only_its_owner_may_read_it()
    {
        var box = new SecretBox(SecretsKey.Of(data)).Seal("session", "alice");

        Assert.Equal("alice", new SecretBox(SecretsKey.Of(data)).Unseal("session", box));
        var file = Assert.Single(data.GetFiles());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode);
    }

    [Fact]
    public async Task All_who_make_the_key_at_once_have_the_same_one()
    {
        using var start = new Barrier(8);
        var boxes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                return new SecretBox(SecretsKey.Of(data));
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.All(boxes, box => Assert.Equal("alice", box.Unseal("session", boxes[0].Seal("session", "alice"))));
        Assert.Single(data.GetFiles());
    }

    [Fact]
    public void A_damaged_key_file_is_reported_and_not_replaced()
    {
        var file = Path.Combine(data.FullName, SecretsKey.FileName);
        File.WriteAllText(file, "half");

        Assert.Contains(SecretsKey.FileName, Assert.Throws<InvalidOperationException>(() => SecretsKey.Of(data)).Message, StringComparison.Ordinal);
        Assert.Equal("half", File.ReadAllText(file));
    }

    private static SecretBox Box(char key) => new(SecretsKey.Parse(new string(key, 32))!);
}
