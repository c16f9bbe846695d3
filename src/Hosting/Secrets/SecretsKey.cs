using System.Security.Cryptography;
using System.Text;

namespace CCGate.Hosting.Secrets;

/// <summary>The secret that seals all others; printed as nothing.</summary>
internal sealed class SecretsKey
{
    /// <summary>A random key of 32 bytes has 44 characters in base64 and 64 in hexadecimal; this is what a passphrase must have.</summary>
    public const int MinLength = 32;

    public const string FileName = "secrets.key";

    private const int RandomBytes = 48;

    private readonly string text;

    private SecretsKey(string text) => this.text = text;

    /// <summary>Null when it is too short to resist guessing.</summary>
    public static SecretsKey? Parse(string written) => written.Trim() is { Length: >= MinLength } text ? new SecretsKey(text) : null;

    /// <summary>The key in a data directory, made at first use. Of two processes that make it at once, both use the one that was there first.</summary>
    /// <exception cref="InvalidOperationException">The file holds no key.</exception>
    public static SecretsKey Of(DirectoryInfo data)
    {
        data.Create();
        var file = Path.Combine(data.FullName, FileName);
        if (!File.Exists(file))
        {
            Create(file);
        }

        return Parse(File.ReadAllText(file)) ?? throw new InvalidOperationException(
            $"{file} holds no key: bring it back from a backup, or delete it and give again what it sealed (sessions, keys of upstreams)");
    }

    /// <summary>The key for one use, always the same one.</summary>
    public byte[] Derive(string use, int length) => HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(text), length, info: Encoding.UTF8.GetBytes(use));

    public override string ToString() => "***";

    /// <summary>Written beside and moved into place without overwriting, so that nobody ever reads half a key or loses the one in use.</summary>
    private static void Create(string file)
    {
        var temporary = $"{file}.{Guid.CreateVersion7():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(RandomBytes)) + "\n"));
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another process was first.
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
