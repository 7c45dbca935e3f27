// Everything put together.

makeScene();
makeExamples();
showParts();
showSettings();
listenToBoxes();
listenToParts();
listenToBall();
listenToCode();
new ResizeObserver(() => refreshAll()).observe(byId("scene"));
dark.addEventListener("change", refreshAll);
refreshAll();

// For a console, and for tests: what the page computes with.
window.boxloss = { wholeLoss, valueAndGrad, iouOf, termValues, descent, python, state, rolling };
