using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace CCGate.Hosting.Secrets;

/// <summary>Seals what the gateway must keep and nobody else may read or change. What is sealed for one purpose opens for no other.</summary>
internal sealed class SecretBox(SecretsKey secret)
{
    // version . base64url(nonce | ciphertext | tag)
    private const string Version = "v1.";

    private static readonly int NonceBytes = AesGcm.NonceByteSizes.MaxSize;
    private static readonly int TagBytes = AesGcm.TagByteSizes.MaxSize;
    private readonly byte[] key = secret.Derive("ccgate secret box v1", length: 32);

    public string Seal(string purpose, string plain) => Seal(purpose, Encoding.UTF8.GetBytes(plain));

    public string Seal(string purpose, ReadOnlySpan<byte> plain)
    {
        var box = new byte[NonceBytes + plain.Length + TagBytes];
        var nonce = box.AsSpan(0, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(nonce, plain, box.AsSpan(NonceBytes, plain.Length), box.AsSpan(^TagBytes), Encoding.UTF8.GetBytes(purpose));
        return Version + Base64Url.EncodeToString(box);
    }

    /// <summary>Null when it was sealed with another key or for another purpose, or was changed.</summary>
    public string? Unseal(string purpose, string @sealed) => UnsealBytes(purpose, @sealed) is { } plain ? Encoding.UTF8.GetString(plain) : null;

    /// <summary>Null when it was sealed with another key or for another purpose, or was changed.</summary>
    public byte[]? UnsealBytes(string purpose, string @sealed)
    {
        if (!@sealed.StartsWith(Version, StringComparison.Ordinal) || !Base64Url.IsValid(@sealed.AsSpan(Version.Length), out var length) || length < NonceBytes + TagBytes)
        {
            return null;
        }

        var box = Base64Url.DecodeFromChars(@sealed.AsSpan(Version.Length));
        var plain = new byte[length - NonceBytes - TagBytes];
        using var aes = new AesGcm(key, TagBytes);
        try
        {
            aes.Decrypt(box.AsSpan(0, NonceBytes), box.AsSpan(NonceBytes, plain.Length), box.AsSpan(^TagBytes), plain, Encoding.UTF8.GetBytes(purpose));
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
