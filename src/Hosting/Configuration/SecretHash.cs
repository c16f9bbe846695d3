using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace CCGate.Hosting.Configuration;

/// <summary>The SHA-256 of a secret: all the gateway keeps of it. Compared in constant time, printed as nothing.</summary>
internal readonly struct SecretHash : IEquatable<SecretHash>
{
    private const string Prefix = "sha256:";
    private readonly byte[] bytes;

    private SecretHash(byte[] bytes) => this.bytes = bytes;

    public static SecretHash Of(string secret) => new(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>Reads a secret as files write it: the secret itself, or <c>sha256:HEX</c>; null when the hex is not 64 digits.</summary>
    public static SecretHash? Parse(string written)
    {
        if (!written.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return Of(written);
        }

        var hex = written.AsSpan(Prefix.Length);
        var decoded = new byte[SHA256.HashSizeInBytes];
        var status = Convert.FromHexString(hex, decoded, out var consumed, out var count);
        return status == OperationStatus.Done && consumed == hex.Length && count == decoded.Length ? new SecretHash(decoded) : null;
    }

    public bool Equals(SecretHash other) => CryptographicOperations.FixedTimeEquals(bytes, other.bytes);

    public override bool Equals(object? obj) => obj is SecretHash other && Equals(other);

    // Four bytes of the hash: an attacker who could learn them from timing would still need a preimage.
    public override int GetHashCode() => BitConverter.ToInt32(bytes);

    /// <summary>As files and events write it: <c>sha256:HEX</c>. Not what is printed, since nobody means to print it.</summary>
    public string Written => Prefix + Convert.ToHexStringLower(bytes);

    public override string ToString() => "***";

    public static bool operator ==(SecretHash left, SecretHash right) => left.Equals(right);

    public static bool operator !=(SecretHash left, SecretHash right) => !left.Equals(right);
}
