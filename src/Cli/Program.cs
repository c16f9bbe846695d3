using CCGate.Cli.Commands;

return await CommandLine.RunAsync(args);
