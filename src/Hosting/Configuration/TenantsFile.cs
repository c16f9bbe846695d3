using System.Collections.Immutable;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads tenants.json, the Node project's included.</summary>
internal static class TenantsFile
{
    public const string Name = "tenants.json";

    private static readonly string[] Windows = ["fiveHours", "daily", "weekly", "monthly", "total"];

    public static GatewayConfig Read(ConfigNode root, GatewayConfig config)
    {
        var tenants = ImmutableArray.CreateBuilder<TenantConfig>();
        var seen = new Seen();
        foreach (var node in root.Objects("tenants"))
        {
            if (ReadTenant(node, seen) is { } tenant)
            {
                tenants.Add(tenant);
            }
        }

        root.Finish();
        return config with { Tenants = tenants.ToImmutable() };
    }

    private static TenantConfig? ReadTenant(ConfigNode node, Seen seen)
    {
        var id = node.RequiredString("id");
        if (id is not null)
        {
            CheckId(node, id);
            if (!seen.Tenants.Add(id))
            {
                node.Error("id", $"\"{id}\" is used twice", "an id of its own for each tenant");
            }
        }

        var tenant = new TenantConfig
        {
            Id = id ?? "",
            Name = node.String("name") ?? id ?? "",
            Keys = ReadKeys(node, seen),
            Enabled = node.Boolean("enabled", true),
            Groups = node.Strings("groups", ["default"]),
            AllowedModels = node.Strings("allowedModels", ["*"]),
            TimeZone = ReadTimeZone(node),
            HoldPolicy = node.Choice("holdPolicy", HoldPolicy.Clamp, ("clamp", HoldPolicy.Clamp), ("refuse", HoldPolicy.Refuse)),
            MinOutputTokens = node.Integer("minOutputTokens", 1024, 1, 1_000_000),
            Abort = node.Has("abort") ? node.Abort() : null,
            DailyMaxUsd = ReadLimits(node.Object("limits")),
        };
        if (node.String("parent") is not null)
        {
            node.Warn("parent", "limits of a parent tenant are not enforced by this version");
        }

        node.String("description");
        node.Finish();
        return id is null ? null : tenant;
    }

    private static void CheckId(ConfigNode node, string id)
    {
        // The id is part of stream names, which are separated by slashes.
        if (id.Length > 128 || id.Any(c => char.IsControl(c) || c == '/'))
        {
            node.Error("id", "is too long or has a slash or a control character", "1 to 128 characters without them");
        }
    }

    private static ImmutableArray<KeyConfig> ReadKeys(ConfigNode node, Seen seen)
    {
        var keys = ImmutableArray.CreateBuilder<KeyConfig>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        if (node.Has("key"))
        {
            AddKey(node, "default");
        }

        foreach (var key in node.Objects("keys"))
        {
            AddKey(key, key.RequiredString("id") ?? "");
            if (key.Has("limits"))
            {
                key.Warn("limits", "limits of a key are not enforced by this version");
            }

            key.Finish();
        }

        if (keys.Count == 0 && !node.Has("key") && !node.Has("keys"))
        {
            node.Error("key", "is missing", "key, or keys with an id and a key each");
        }

        return keys.ToImmutable();

        void AddKey(ConfigNode holder, string id)
        {
            if (!ids.Add(id))
            {
                holder.Error("id", $"\"{id}\" is used twice", "an id of its own for each key of the tenant (\"key\" has the id \"default\")");
            }

            if (holder.RequiredString("key") is not { } written)
            {
                return;
            }

            if (SecretHash.Parse(written) is not { } secret)
            {
                holder.Error("key", "is not a hash", "the key itself, or sha256: and 64 hexadecimal digits");
            }
            else if (!seen.Keys.Add(secret))
            {
                holder.Error("key", "is used twice: it could not tell who pays", "a key of its own for each tenant");
            }
            else
            {
                keys.Add(new KeyConfig(id, secret));
            }
        }
    }

    private static TimeZoneInfo ReadTimeZone(ConfigNode node)
    {
        if (node.String("timezone") is not { } name)
        {
            return TimeZoneInfo.Utc;
        }

        if (TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
        {
            return zone;
        }

        node.Error("timezone", $"\"{name}\" is not known on this machine", "an IANA name such as Europe/Berlin; on Debian they come with the package tzdata");
        return TimeZoneInfo.Utc;
    }

    private static decimal? ReadLimits(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }

        decimal? daily = null;
        foreach (var name in Windows)
        {
            if (node.Object(name) is not { } window)
            {
                continue;
            }

            var usd = window.Number("maxUSD", 0m, 9_000_000m);
            window.Number("maxTokens", 0, long.MaxValue, whole: true);
            window.Number("maxRequests", 0, long.MaxValue, whole: true);
            window.Finish(unknownIsError: true);
            if (name == "daily")
            {
                daily = usd;
            }

            foreach (var member in window.Element.EnumerateObject().Where(member => name != "daily" || member.Name != "maxUSD"))
            {
                window.Warn(member.Name, "this limit is not enforced by this version; limits.daily.maxUSD is");
            }
        }

        foreach (var name in (string[])["requestsPerMinute", "tokensPerMinute", "concurrentRequests", "concurrentSessions"])
        {
            if (node.Number(name, 0, long.MaxValue, whole: true) is not null)
            {
                node.Warn(name, "this limit is not enforced by this version; limits.daily.maxUSD is");
            }
        }

        node.Finish(unknownIsError: true);
        return daily;
    }

    private sealed class Seen
    {
        public HashSet<string> Tenants { get; } = new(StringComparer.Ordinal);

        public HashSet<SecretHash> Keys { get; } = [];
    }
}
