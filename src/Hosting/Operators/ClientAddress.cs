using System.Net;
using CCGate.Hosting.Secrets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Hosting.Operators;

/// <summary>The address and the scheme a client came with, passed on by a proxy to the projections. It is sealed, so that nobody without the key can name another address.</summary>
internal static class ClientAddress
{
    private const string Header = "x-ccgate-client";
    private const string Purpose = "client address";

    /// <summary>Takes over what a proxy with the same <c>secretsKey</c> wrote; from anybody else the header is nothing.</summary>
    public static Task ReadAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Headers[Header] is [{ Length: < 512 } written])
        {
            http.Request.Headers.Remove(Header);
            if (http.RequestServices.GetRequiredService<SecretBox>().Unseal(Purpose, written)?.Split('|') is [var scheme, var address] && IPAddress.TryParse(address, out var client))
            {
                http.Connection.RemoteIpAddress = client;
                http.Request.Scheme = scheme;
            }
        }

        return next(http);
    }

    /// <summary>For the next process; replaces whatever the client sent.</summary>
    public static Task WriteAsync(HttpContext http, RequestDelegate next)
    {
        http.Request.Headers[Header] = http.RequestServices.GetRequiredService<SecretBox>().Seal(Purpose, $"{http.Request.Scheme}|{http.Connection.RemoteIpAddress}");
        return next(http);
    }
}
