return await CCGate.Cli.Commands.CcgateCommand.RunAsync(args);
