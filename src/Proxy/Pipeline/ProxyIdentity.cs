namespace CCGate.Proxy.Pipeline;

/// <summary>Which proxy this is, in the events it writes: the same after a restart with the same data directory.</summary>
internal sealed record ProxyIdentity(string Instance)
{
    public static ProxyIdentity Of(DirectoryInfo data)
    {
        data.Create();
        var file = Path.Combine(data.FullName, "instance");
        if (!File.Exists(file))
        {
            File.WriteAllText(file, $"{Environment.MachineName}-{Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(4))}");
        }

        return new ProxyIdentity(File.ReadAllText(file).Trim());
    }
}
